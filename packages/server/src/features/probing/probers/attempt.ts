// One try of a probe: its clock, its deadline, what it holds open, and what it waits for, so that a timeout can say it.
import type { Phases } from "@nightbell/contract";
import { failed, type Failure, type Measured, succeeded } from "../outcome.js";
import type { ProbeNotes, ProbeOutcome } from "../prober.js";

/** Ends a try from wherever it is; never leaves this folder. */
export class ProbeFailure extends Error {
  readonly failure: Failure;
  /** Set when the target answered, but wrongly. */
  readonly rttUs: number | null;

  constructor(code: Failure["code"], error: string, rttUs: number | null = null) {
    super(error);
    this.failure = { code, error };
    this.rttUs = rttUs;
  }
}

/** What most tries do most of the time. */
export const WAITING = "waiting for the answer";

export class Attempt {
  readonly timeoutMs: number;
  startedAt = performance.now();
  address: string | null = null;
  readonly phases: Phases = {};
  /** Set when somebody asks for them. */
  notes: ProbeNotes | undefined;
  /** What the try is doing, as the sentences of failures say it: `during the TLS handshake`. */
  during = "at the start";
  /** Another view of every failure, where what is measured is not the target but part of this machine's own means. */
  seenAs: (failure: Failure) => Failure = (failure) => failure;
  /** Looks again, at the deadline, at what goes on in another thread; says whether the end of it has come meanwhile. */
  lookAgain: (() => boolean) | null = null;
  #phaseAt = this.startedAt;
  #hasEnded = false;
  #controller: AbortController | null = null;
  #awaited = "the probe";
  /** Set while the try waits for something of ours. */
  #oursIs: Failure["code"] | null = null;
  readonly #held: (() => void)[] = [];

  constructor(timeoutMs: number) {
    this.timeoutMs = timeoutMs;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Milliseconds until the deadline. */
  get remainingMs(): number {
    return this.startedAt + this.timeoutMs - performance.now();
  }

  /** Aborts when the try ends, however it ends. Made when asked for: most tries need none, and it costs most of one. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#hasEnded) this.#controller.abort();
    return this.#controller.signal;
  }

  /** From now on the try waits for the target. */
  awaits(target: string, during: string): void {
    this.#awaited = target;
    this.#oursIs = null;
    this.during = during;
  }

  /** From now on the try waits for something of ours; reaching the deadline is not the target's fault. */
  awaitsOurs(code: Failure["code"], what: string): void {
    this.#awaited = what;
    this.#oursIs = code;
  }

  /** What is to be released when the try ends; at once when it has ended already. */
  hold(release: () => void): void {
    if (this.#hasEnded) release();
    else this.#held.push(release);
  }

  /** Ends a phase, which began where the one before it ended, and returns when (performance.now()). */
  endPhase(name: string, at = performance.now()): number {
    this.phases[name] = toMicroseconds((this.phases[name] ?? 0) + at - this.#phaseAt);
    this.#phaseAt = at;
    return at;
  }

  /** The next phase began at this moment only; the time up to it is no part of what is measured. */
  beginPhaseAt(at: number): void {
    this.startedAt += at - this.#phaseAt;
    this.#phaseAt = at;
  }

  /** Begins the next phase now; what came before belongs to none. */
  beginPhase(): void {
    this.#phaseAt = performance.now();
  }

  /** What reaching the deadline now means. */
  deadline(): Failure {
    const within = `within ${this.timeoutMs} ms`;
    return this.#oursIs === null
      ? { code: "timeout", error: `no answer from ${this.#awaited} ${within} (${this.during})` }
      : { code: this.#oursIs, error: `${this.#awaited} gave no answer ${within}` };
  }

  end(): void {
    this.#hasEnded = true;
    this.#controller?.abort();
    // Last first: a TLS socket must go before the one below it; the other order crashes Node 20 in its own code.
    for (const release of this.#held.toReversed()) release();
  }
}

/**
 * Runs a try under its deadline and the caller's signal. `measure` returns the RTT in whole microseconds, null where a
 * success has none, or throws a ProbeFailure; whichever comes first settles the outcome, and everything held is released
 * before it is returned.
 */
export function attempt(
  timeoutMs: number,
  signal: AbortSignal,
  measure: (current: Attempt) => Promise<number | null>,
): Promise<ProbeOutcome> {
  const current = new Attempt(timeoutMs);
  return new Promise((resolve) => {
    /** Ends the try; says false when it has ended before. */
    const end = () => {
      if (current.hasEnded) return false;
      clearTimeout(timer);
      cancelsOf(signal).delete(cancel);
      current.end();
      return true;
    };
    const fail = (failure: Failure, rttUs: number | null = null) => {
      if (end()) resolve(failed(current.seenAs(failure), measuredBy(current, rttUs)));
    };
    const cancel = () => fail({ code: "cancelled", error: "the probe was cancelled" });
    const onDeadline = () => {
      // What has ended is examined before the next turn of the event loop; what it leads to has no time left.
      if (current.lookAgain?.()) setImmediate(() => fail(current.deadline()));
      else fail(current.deadline());
    };
    const timer = setTimeout(onDeadline, timeoutMs);
    cancelsOf(signal).add(cancel);
    if (signal.aborted) return cancel();
    const run = async () => {
      try {
        const rttUs = await measure(current);
        if (end()) resolve(succeeded(measuredBy(current, rttUs)));
      } catch (error) {
        if (error instanceof ProbeFailure) fail(error.failure, error.rttUs);
        else fail({ code: "internal", error: `the probe failed: ${String(error)}` });
      }
    };
    void run();
  });
}

function measuredBy({ phases, address }: Attempt, rttUs: number | null): Measured {
  return { rttUs, address, phases: Object.keys(phases).length === 0 ? null : { ...phases } };
}

const cancels = new WeakMap<AbortSignal, Set<() => void>>();

/** What to call when a signal aborts. One may end any number of tries; its own list of listeners is slow to change. */
function cancelsOf(signal: AbortSignal): Set<() => void> {
  const known = cancels.get(signal);
  if (known !== undefined) return known;
  const added = new Set<() => void>();
  cancels.set(signal, added);
  const abort = () => {
    for (const cancel of added) cancel();
  };
  signal.addEventListener("abort", abort, { once: true });
  return added;
}

/** `10.0.0.5:443`, `[2001:db8::1]:443`. */
export function endpointText(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Milliseconds to whole microseconds. */
export function microseconds(ms: number): number {
  return Math.max(1, Math.round(ms * 1_000));
}

/** Milliseconds, rounded to the microsecond. */
function toMicroseconds(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
