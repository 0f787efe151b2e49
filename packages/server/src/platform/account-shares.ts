// Bounds what runs at once for all accounts together, and for each of them, so that one leaves places for the others.
import { NightbellError } from "./errors.js";
import { Semaphore } from "./semaphore.js";

export interface SharesOptions {
  /** At once in this process; a place may be held for as long as the work takes. */
  readonly concurrency: number;
  /** Of these for one account. */
  readonly perAccount: number;
  /** What the person is told when the process, or the account, has too many. */
  readonly refusals: { readonly tooMany: string; readonly tooManyOfYours: string };
}

const RETRY_AFTER_SECONDS = 5;

export class AccountShares {
  readonly #options: SharesOptions;
  readonly #places: Semaphore;
  /** Of each account that has any under way. */
  readonly #underWay = new Map<string, number>();

  constructor(options: SharesOptions) {
    this.#options = options;
    this.#places = new Semaphore({ concurrency: options.concurrency, queue: 0 }, () =>
      refusal(options.refusals.tooMany),
    );
  }

  /** Throws `rate_limited` for an account that has its share under way. */
  refuseBeyondShare(userId: string): void {
    if ((this.#underWay.get(userId) ?? 0) >= this.#options.perAccount) {
      throw refusal(this.#options.refusals.tooManyOfYours);
    }
  }

  /** Throws `rate_limited` when the account, or the process, has too many under way. */
  async run<T>(userId: string, work: () => Promise<T>): Promise<T> {
    const leave = this.take(userId);
    try {
      return await work();
    } finally {
      leave();
    }
  }

  /** Takes a place, to be given back, once, by calling what is returned. Throws as `run` does. */
  take(userId: string): () => void {
    this.refuseBeyondShare(userId);
    const leave = this.#places.take();
    this.#underWay.set(userId, (this.#underWay.get(userId) ?? 0) + 1);
    return () => {
      leave();
      const left = (this.#underWay.get(userId) ?? 0) - 1;
      if (left > 0) this.#underWay.set(userId, left);
      else this.#underWay.delete(userId);
    };
  }
}

function refusal(detail: string): NightbellError {
  return new NightbellError("rate_limited", detail, { retryAfterSeconds: RETRY_AFTER_SECONDS });
}
