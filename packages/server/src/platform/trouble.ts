import { failureLevel } from "./db.js";
import type { Logger } from "./log.js";

/**
 * Trouble of one purpose, told once when it begins and once, as loudly, when it is over. That the database is away is
 * said by who watches it in each process (`database-watch.ts`, of a poller the reading of its jobs), not by all who notice.
 */
export class Trouble {
  readonly #log: Pick<Logger, "debug" | "info" | "warn">;
  readonly #words: { readonly began: string; readonly over: string };
  #level: "debug" | "warn" | null = null;

  constructor(log: Pick<Logger, "debug" | "info" | "warn">, words: { began: string; over: string }) {
    this.#log = log;
    this.#words = words;
  }

  failed(error: unknown): void {
    const level = failureLevel(error);
    if (this.#level === level || this.#level === "warn") return;
    this.#level = level;
    this.#log[level]({ err: error }, this.#words.began);
  }

  worked(): void {
    if (this.#level === null) return;
    this.#log[this.#level === "warn" ? "info" : "debug"](this.#words.over);
    this.#level = null;
  }
}
