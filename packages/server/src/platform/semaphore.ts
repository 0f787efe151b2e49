import { NightbellError } from "./errors.js";

/** Bounds how many run at once and how many wait; beyond both, `overloaded` says so at once. */
export class Semaphore {
  readonly #limit: { readonly concurrency: number; readonly queue: number };
  readonly #refusal: string;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** `refusal` is the sentence for whom there is no place. */
  constructor(limit: { concurrency: number; queue: number }, refusal: string) {
    this.#limit = limit;
    this.#refusal = refusal;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    await this.#enter();
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < this.#limit.concurrency) {
      this.#running += 1;
      return;
    }
    if (this.#waiting.length >= this.#limit.queue) throw new NightbellError("overloaded", this.#refusal);
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Hands the place on, so that nobody who comes later overtakes. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }
}
