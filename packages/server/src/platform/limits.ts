// Rate limits in bounded memory: one number per key, no timers.
import type { Clock } from "./clock.js";

/** `count` at once, and after that one more every `perMs / count`. */
export interface Limit {
  readonly count: number;
  readonly perMs: number;
}

export interface LimitResult {
  readonly allowed: boolean;
  /** Calls that would be allowed right now. */
  readonly remaining: number;
  /** Milliseconds until the next call is allowed, 0 when it is allowed now. */
  readonly retryAfterMs: number;
  /** Milliseconds until the whole limit is available again. */
  readonly resetMs: number;
}

/** Beyond this many keys the newcomers share one, so that a flood of addresses costs no memory. */
const MAX_KEYS = 10_000;
const SWEEP_INTERVAL_MS = 60_000;
const SHARED_KEY = "";

/**
 * The generic cell rate algorithm (ITU-T I.371): per key only the time at which its limit is whole again.
 * A steady stream at exactly the rate passes, which a counter per window would refuse now and then.
 */
export class RateLimiter {
  readonly #limit: Limit;
  readonly #clock: Clock;
  readonly #wholeAt = new Map<string, number>();
  #sweptAt: number;

  constructor(limit: Limit, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
    this.#sweptAt = clock.monotonic();
  }

  /** Counts a call and says whether it is allowed; a refused call costs nothing. */
  consume(key: string): LimitResult {
    return this.#decide(key, true);
  }

  /** What `consume` would say, without counting. */
  peek(key: string): LimitResult {
    return this.#decide(key, false);
  }

  /** Takes back one `consume`, for what turned out not to count. */
  giveBack(key: string): void {
    const name = this.#slotFor(key, this.#clock.monotonic());
    const wholeAt = this.#wholeAt.get(name);
    if (wholeAt !== undefined) this.#wholeAt.set(name, wholeAt - this.#spacingMs);
  }

  /** Gives the key its whole limit back. */
  reset(key: string): void {
    this.#wholeAt.delete(key);
  }

  get size(): number {
    return this.#wholeAt.size;
  }

  get #spacingMs(): number {
    return this.#limit.perMs / this.#limit.count;
  }

  #decide(key: string, isCounted: boolean): LimitResult {
    const now = this.#clock.monotonic();
    const name = this.#slotFor(key, now);
    const next = Math.max(now, this.#wholeAt.get(name) ?? 0) + this.#spacingMs;
    const isAllowed = next - now <= this.#limit.perMs + EPSILON_MS;
    if (isAllowed && isCounted) this.#wholeAt.set(name, next);
    return this.#result(isAllowed, isAllowed ? next : next - this.#spacingMs, now);
  }

  #result(allowed: boolean, wholeAt: number, now: number): LimitResult {
    const resetMs = Math.max(0, wholeAt - now);
    return {
      allowed,
      remaining: Math.max(0, Math.floor((this.#limit.perMs - resetMs + EPSILON_MS) / this.#spacingMs)),
      retryAfterMs: allowed ? 0 : Math.max(0, resetMs + this.#spacingMs - this.#limit.perMs),
      resetMs,
    };
  }

  #slotFor(key: string, now: number): string {
    if (this.#wholeAt.has(key)) return key;
    const isFull = this.#wholeAt.size >= MAX_KEYS;
    if (
      now - this.#sweptAt >=
      (isFull ? Math.min(this.#limit.perMs, SWEEP_INTERVAL_MS) : SWEEP_INTERVAL_MS)
    ) {
      this.#sweptAt = now;
      for (const [old, wholeAt] of this.#wholeAt) if (wholeAt <= now) this.#wholeAt.delete(old);
    }
    return this.#wholeAt.size >= MAX_KEYS ? SHARED_KEY : key;
  }
}

/** Absorbs the rounding of many small additions. */
const EPSILON_MS = 1e-6;
