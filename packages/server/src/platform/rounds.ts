// Rounds of a loop that looks by itself every so often, and sooner when it is woken.
import { setTimeout as delay } from "node:timers/promises";

export class Rounds {
  readonly #pauseMs: number;
  readonly #intervalMs: number;
  readonly #abort = new AbortController();
  #isWoken = false;
  #endWait: () => void = () => undefined;

  /** `pauseMs` passes between two rounds even when wake-ups rain, `intervalMs` at most. */
  constructor({ pauseMs, intervalMs }: { pauseMs: number; intervalMs: number }) {
    this.#pauseMs = pauseMs;
    this.#intervalMs = intervalMs;
  }

  /** The next round is due now. */
  wake(): void {
    this.#isWoken = true;
    this.#endWait();
  }

  /** There is no further round; whoever waits for one is told so. */
  stop(): void {
    this.#abort.abort();
    this.wake();
  }

  /** Resolves when the next round is due: true, or false when there is none. */
  async next(): Promise<boolean> {
    await this.#passed(this.#pauseMs);
    const woken = new Promise<void>((resolve) => {
      this.#endWait = resolve;
    });
    if (!this.#isWoken) await Promise.race([woken, this.#passed(this.#intervalMs - this.#pauseMs)]);
    this.#isWoken = false;
    return !this.#abort.signal.aborted;
  }

  #passed(ms: number): Promise<unknown> {
    return delay(ms, undefined, { signal: this.#abort.signal }).catch(() => undefined);
  }
}
