// One try of a probe: its clock, its deadline, what it holds open, and what it waits for, so that a timeout can say it.
import { setMaxListeners } from "node:events";
import { isIPv6 } from "node:net";
import type { Phases } from "@nightbell/contract";
import { failed, type Failure, type Measured, succeeded } from "../outcome.js";
import type { ProbeOutcome } from "../prober.js";

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

export class Attempt {
  readonly timeoutMs: number;
  readonly startedAt = performance.now();
  address: string | null = null;
  readonly phases: Phases = {};
  /** What the try is doing, as the sentences of failures say it: `during the TLS handshake`. */
  during = "at the start";
  /** Another view of every failure, where what is measured is not the target but part of this machine's own means. */
  seenAs: (failure: Failure) => Failure = (failure) => failure;
  #hasEnded = false;
  #controller: AbortController | null = null;
  readonly #held: (() => void)[] = [];
  #onDeadline: (withinMs: number) => Failure = (ms) => ({
    code: "internal",
    error: `the probe did nothing for ${ms} ms`,
  });

  constructor(timeoutMs: number) {
    this.timeoutMs = timeoutMs;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Aborts when the try ends, however it ends. Made when asked for: most tries need none, and it costs most of one. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#hasEnded) this.#controller.abort();
    return this.#controller.signal;
  }

  /** From now on the try waits for the target. */
  awaits(target: string, during: string): void {
    this.during = during;
    this.#onDeadline = (ms) => ({
      code: "timeout",
      error: `no answer from ${target} within ${ms} ms (${during})`,
    });
  }

  /** From now on the try waits for something of ours; reaching the deadline is not the target's fault. */
  awaitsOurs(code: Failure["code"], what: string): void {
    this.#onDeadline = (ms) => ({ code, error: `${what} gave no answer within ${ms} ms` });
  }

  /** What is to be released when the try ends; at once when it has ended already. */
  hold(release: () => void): void {
    if (this.#hasEnded) release();
    else this.#held.push(release);
  }

  /** Adds the time since `from` (performance.now()) to a phase and returns the present time. */
  phase(name: string, from: number): number {
    const now = performance.now();
    this.phases[name] = toMicroseconds((this.phases[name] ?? 0) + now - from);
    return now;
  }

  deadline(): Failure {
    return this.#onDeadline(this.timeoutMs);
  }

  end(): void {
    this.#hasEnded = true;
    this.#controller?.abort();
    // Last first: a TLS socket must go before the one below it; the other order crashes Node 20 in its own code.
    for (const release of this.#held.toReversed()) release();
  }
}

/**
 * Runs a try under its deadline and the caller's signal. `measure` returns the RTT in whole microseconds or throws a
 * ProbeFailure; whichever comes first settles the outcome, and everything held is released before it is returned.
 */
export function attempt(
  timeoutMs: number,
  signal: AbortSignal,
  measure: (current: Attempt) => Promise<number>,
): Promise<ProbeOutcome> {
  const current = new Attempt(timeoutMs);
  return new Promise((resolve) => {
    const settle = (outcome: (measured: Omit<Measured, "rttUs">) => ProbeOutcome) => {
      if (current.hasEnded) return;
      clearTimeout(timer);
      signal.removeEventListener("abort", cancel);
      current.end();
      const phases = Object.keys(current.phases).length === 0 ? null : { ...current.phases };
      resolve(outcome({ phases, address: current.address }));
    };
    const fail = (failure: Failure, rttUs: number | null = null) =>
      settle((measured) => failed(current.seenAs(failure), { ...measured, rttUs }));
    const cancel = () => fail({ code: "cancelled", error: "the probe was cancelled" });
    const timer = setTimeout(() => fail(current.deadline()), timeoutMs);
    // One signal may end any number of tries.
    setMaxListeners(0, signal);
    signal.addEventListener("abort", cancel, { once: true });
    if (signal.aborted) return cancel();
    // In a promise from the start, so that what it throws at once is an outcome too.
    Promise.resolve(current)
      .then(measure)
      .then(
        (rttUs) => settle((measured) => succeeded({ ...measured, rttUs })),
        (error: unknown) =>
          error instanceof ProbeFailure
            ? fail(error.failure, error.rttUs)
            : fail({ code: "internal", error: `the probe failed: ${String(error)}` }),
      );
  });
}

/** `10.0.0.5:443`, `[2001:db8::1]:443`. */
export function endpointText(address: string, port: number): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Milliseconds to whole microseconds. */
export function microseconds(ms: number): number {
  return Math.max(1, Math.round(ms * 1_000));
}

/** Milliseconds, rounded to the microsecond. */
function toMicroseconds(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
