// Echo requests that belong to no job, each with a promise of what came of it, through an engine that somebody else keeps.
import type { Clock } from "../../platform/clock.js";
import type { IcmpEngine, IcmpResult } from "./icmp/index.js";
import type { Failure } from "./outcome.js";

export type StrayListener = (kind: "duplicate" | "late") => void;

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

/** Replies that come later than this after the result are nobody's. */
const STRAY_WINDOW_MS = 10_000;

interface Waiting {
  readonly settle: (result: IcmpResult) => void;
  readonly fail: (failure: Failure) => void;
}

export class SingleEchoes {
  readonly #clock: Clock;
  readonly #firstTag: number;
  readonly #tagCount: number;
  readonly #waiting = new Map<number, Waiting>();
  readonly #strays = new Map<number, StrayListener>();
  #nextTag = 0;

  /** The engine's tags from `firstTag` on are theirs. */
  constructor(clock: Clock, firstTag = 0) {
    this.#clock = clock;
    this.#firstTag = firstTag;
    this.#tagCount = 2 ** 32 - firstTag;
  }

  /** Sends one to a numeric address. Never throws; ends as cancelled when the signal aborts. */
  send<T>(
    engine: IcmpEngine,
    address: string,
    request: EchoRequest,
    signal: AbortSignal,
    reading: EchoReading<T>,
  ): Promise<T> {
    const tag = this.#firstTag + this.#nextTag;
    this.#nextTag = (this.#nextTag + 1) % this.#tagCount;
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
      if (!engine.submit(target, tag, this.#clock.now(), request.timeoutMs)) {
        end(reading.failure({ code: "overloaded", error: "too many ICMP probes are under way" }));
      } else if (signal.aborted) cancel();
    });
  }

  // What the engine says.

  take(result: IcmpResult): void {
    this.#waiting.get(result.tag)?.settle(result);
  }

  takeStray(tag: number, kind: "duplicate" | "late"): void {
    this.#strays.get(tag)?.(kind);
  }

  /** The engine is gone. */
  lose(failure: Failure): void {
    for (const { fail } of this.#waiting.values()) fail(failure);
  }
}
