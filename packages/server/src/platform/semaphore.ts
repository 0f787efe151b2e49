import type { NightbellError } from "./errors.js";

/** Bounds how many run at once and how many wait; who comes beyond both is refused at once. */
export class Semaphore {
  readonly #limit: { readonly concurrency: number; readonly queue: number };
  readonly #refuse: () => NightbellError;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(limit: { concurrency: number; queue: number }, refuse: () => NightbellError) {
    this.#limit = limit;
    this.#refuse = refuse;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    await this.#enter();
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  /** Takes a place without waiting; to be given back, once, by calling what is returned. Throws when there is none. */
  take(): () => void {
    if (this.#running >= this.#limit.concurrency) throw this.#refuse();
    this.#running += 1;
    return () => this.#leave();
  }

  async #enter(): Promise<void> {
    if (this.#running < this.#limit.concurrency) {
      this.#running += 1;
      return;
    }
    if (this.#waiting.length >= this.#limit.queue) throw this.#refuse();
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Hands the place on, so that nobody who comes later overtakes. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }
}
