// Completes jobs whose duration is over as soon as their last result is stored.
import { setTimeout as delay } from "node:timers/promises";
import { failureLevel } from "../../platform/db.js";
import type { Logger } from "../../platform/log.js";

/** Jobs that end at about the same time are completed together. */
const GATHER_MS = 100;
const RETRY_MS = 1_000;

export interface CompletionsOptions {
  /** Stores every result so far. */
  flush: () => Promise<void>;
  complete: (jobNos: number[]) => Promise<unknown>;
  log: Logger;
}

export class Completions {
  readonly #options: CompletionsOptions;
  readonly #ended = new Set<number>();
  readonly #abort = new AbortController();
  #running: Promise<void> | null = null;

  constructor(options: CompletionsOptions) {
    this.#options = options;
  }

  /** A job has its last result. */
  add(jobNo: number): void {
    this.#ended.add(jobNo);
    this.#running ??= this.#run();
  }

  /** What is not completed by now is left to the next start, which finds such jobs without a further slot. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const pause = (ms: number) => delay(ms, undefined, { signal: this.#abort.signal }).catch(() => undefined);
    await pause(GATHER_MS);
    while (this.#ended.size > 0) {
      const jobNos = [...this.#ended];
      try {
        // Killed between these two, the job is completed by the next poller, or by the scheduler.
        await this.#options.flush();
        await this.#options.complete(jobNos);
        for (const jobNo of jobNos) this.#ended.delete(jobNo);
      } catch (error) {
        this.#options.log[failureLevel(error)](
          { err: error, jobs: jobNos.length },
          "jobs cannot be completed; trying again",
        );
        await pause(RETRY_MS);
      }
      if (this.#abort.signal.aborted) return;
    }
    this.#running = null;
  }
}
