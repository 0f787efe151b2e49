// Single echo requests, each with a promise of what came of it, over an engine that the first one starts. Beside the
// poller's engine it is another one with sockets of its own: what is asked by hand, and the paths that are traced, cost
// scheduled probes nothing.
import { parseTarget, type OptionsOf } from "@nightbell/contract";
import { systemClock } from "../../platform/clock.js";
import type { Logger } from "../../platform/log.js";
import { resolveHost } from "./address.js";
import type { IcmpResult } from "./icmp/index.js";
import { IcmpLink } from "./icmp-link.js";
import { icmpOutcome } from "./icmp-outcome.js";
import { failed, type Failure } from "./outcome.js";
import type { ProbeOutcome } from "./prober.js";

export type StrayListener = (kind: "duplicate" | "late") => void;

/** A few hundred probes at once; an engine of this size takes a megabyte. */
const ENGINE_LIMITS = { maxOutstanding: 4_096, maxTargets: 4_096, submissionRing: 1_024, resultRing: 1_024 };
/** Replies that come later than this after the result are nobody's. */
const STRAY_WINDOW_MS = 10_000;

/** What is made of an echo request's end. `result` is valid only during the call. */
export interface EchoReading<T> {
  readonly result: (result: IcmpResult) => T;
  /** It could not be sent, or the engine was lost. */
  readonly failure: (failure: Failure) => T;
}

export interface EchoRequest {
  readonly payloadBytes: number;
  readonly ttl: number;
  readonly timeoutMs: number;
  readonly onStray?: StrayListener | undefined;
}

interface Waiting {
  readonly settle: (result: IcmpResult) => void;
  readonly fail: (failure: Failure) => void;
}

export class OneShotIcmp {
  readonly #link: IcmpLink;
  readonly #waiting = new Map<number, Waiting>();
  readonly #strays = new Map<number, StrayListener>();
  #nextTag = 0;

  constructor(log: Logger) {
    this.#link = new IcmpLink(
      {
        onResult: (result) => this.#waiting.get(result.tag)?.settle(result),
        onStray: (tag, kind) => this.#strays.get(tag)?.(kind),
        onLoss: (failure) => {
          for (const { fail } of this.#waiting.values()) fail(failure);
        },
      },
      { clock: systemClock, log, limits: ENGINE_LIMITS },
    );
  }

  async probe(
    text: string,
    options: OptionsOf<"icmp">,
    signal: AbortSignal,
    onStray?: StrayListener,
  ): Promise<ProbeOutcome> {
    const deadline = performance.now() + options.timeoutMs;
    const parsed = parseTarget("icmp", text);
    if (!parsed.ok || parsed.target.type !== "icmp")
      return failed({ code: "internal", error: `${text} is not a target of icmp` });
    const [resolution] = await Promise.all([
      resolveHost(parsed.target.host, options.family, { timeoutMs: options.timeoutMs, signal }),
      this.start(),
    ]);
    if (!resolution.ok) return failed(resolution);
    const { address } = resolution;
    const remainingMs = Math.max(1, Math.ceil(deadline - performance.now()));
    return this.echo(address, { ...options, timeoutMs: remainingMs, onStray }, signal, {
      result: (result) => icmpOutcome(result, address, options.timeoutMs),
      failure: (failure) => failed(failure, { address }),
    });
  }

  /** Starts the engine ahead of the first probe, which otherwise finds none. */
  start(): Promise<void> {
    return this.#link.start();
  }

  close(): Promise<void> {
    return this.#link.close();
  }

  /** Sends one echo request to a numeric address. Never throws; ends as cancelled when the signal aborts. */
  echo<T>(address: string, request: EchoRequest, signal: AbortSignal, reading: EchoReading<T>): Promise<T> {
    const { engine } = this.#link;
    if (engine === null) return Promise.resolve(reading.failure(this.#link.failure));
    const tag = this.#nextTag;
    this.#nextTag = (tag + 1) >>> 0;
    return new Promise((resolve) => {
      let target: number;
      try {
        target = engine.addTarget(address, request);
      } catch (error) {
        return resolve(reading.failure({ code: "socket", error: String(error) }));
      }
      const cancel = (): void => void engine.cancel(tag);
      const end = (value: T): void => {
        signal.removeEventListener("abort", cancel);
        this.#waiting.delete(tag);
        engine.removeTarget(target);
        setTimeout(() => this.#strays.delete(tag), STRAY_WINDOW_MS).unref();
        resolve(value);
      };
      this.#waiting.set(tag, {
        settle: (result) => end(reading.result(result)),
        fail: (failure) => end(reading.failure(failure)),
      });
      if (request.onStray !== undefined) this.#strays.set(tag, request.onStray);
      signal.addEventListener("abort", cancel, { once: true });
      if (!engine.submit(target, tag, systemClock.now(), request.timeoutMs)) {
        end(reading.failure({ code: "overloaded", error: "too many ICMP probes are under way" }));
      } else if (signal.aborted) cancel();
    });
  }
}
