// The brake on guessing passwords, in bounded memory.
import type { Clock } from "../../platform/clock.js";
import { addressKey } from "../../platform/http/rate-limit.js";
import { RateLimiter } from "../../platform/limits.js";

const QUARTER_HOUR_MS = 900_000;
/** Somebody who forgot a password tries about five. */
const FAILURES_PER_EMAIL = 10;
/** Many people may sit behind one address; one who tries many accounts is stopped all the same. */
const FAILURES_PER_ADDRESS = 100;

/** Failed log-ins by email address and where they come from, and by the latter alone. */
export class Guesses {
  readonly #byEmail: RateLimiter;
  readonly #byAddress: RateLimiter;

  constructor(clock: Clock) {
    this.#byEmail = new RateLimiter({ count: FAILURES_PER_EMAIL, perMs: QUARTER_HOUR_MS }, clock);
    this.#byAddress = new RateLimiter({ count: FAILURES_PER_ADDRESS, perMs: QUARTER_HOUR_MS }, clock);
  }

  /** Counts an attempt as failed; answers how long to wait when it must not be made, else 0. */
  count(email: string, ip: string): number {
    const address = addressKey(ip);
    // First, so that an address that is refused adds no keys below: with invented names it could use up all of them,
    // and everybody else would share what is left.
    const ofAddress = this.#byAddress.consume(address);
    if (!ofAddress.allowed) return ofAddress.retryAfterMs;
    const ofEmail = this.#byEmail.consume(`${address} ${email}`);
    if (!ofEmail.allowed) this.#byAddress.giveBack(address);
    return ofEmail.retryAfterMs;
  }

  /** An attempt that was counted could not be made after all. */
  withdraw(email: string, ip: string): void {
    const address = addressKey(ip);
    this.#byEmail.giveBack(`${address} ${email}`);
    this.#byAddress.giveBack(address);
  }

  /** An attempt that was counted was right. */
  forgive(email: string, ip: string): void {
    const address = addressKey(ip);
    this.#byEmail.reset(`${address} ${email}`);
    this.#byAddress.giveBack(address);
  }
}
