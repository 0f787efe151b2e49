// Whether the database answers: asked every few seconds, so that what the process knows costs nobody who asks a wait.
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import { Gauge, type Registry } from "prom-client";
import { type DatabaseHandle, openDatabase } from "./db.js";
import type { Logger } from "./log.js";

const ASK_EVERY_MS = 2_000;
/** An orchestrator's own readiness timeout is rarely shorter. */
const ANSWER_TIMEOUT_MS = 900;
/** How long an answer is believed, so that asking often costs one query a second. */
const FRESH_MS = 1_000;
/** A question without an answer is given up with its connection after this and a second. */
const GIVE_UP_MS = 2_000;
const CLOSE_TIMEOUT_MS = 500;

export interface DatabaseContact {
  /** When the last answer came; null before the first. */
  readonly lastAnswerAt: Date | null;
  /** When the first question without an answer was asked; null while it answers. */
  readonly unavailableSince: Date | null;
}

/**
 * Asks over a connection of its own: a pool that is used up is no outage. A server that refuses, one that is cut off and
 * one that stands still are the same to it. Why there is no answer goes to the log, once; who may ask need not know
 * where the database is.
 */
export class DatabaseWatch {
  readonly #database: DatabaseHandle;
  readonly #log: Pick<Logger, "info" | "warn">;
  readonly #timer: NodeJS.Timeout;
  #pending: Promise<boolean> | null = null;
  #contact: DatabaseContact = { lastAnswerAt: null, unavailableSince: null };

  /** Begins at once. */
  constructor(url: string, log: Pick<Logger, "info" | "warn">) {
    this.#log = log;
    this.#database = openDatabase(url, {
      poolSize: 1,
      applicationName: "nightbell watch",
      connectTimeoutMs: GIVE_UP_MS,
      statementTimeoutMs: GIVE_UP_MS,
    });
    this.#timer = setInterval(() => void this.answers(), ASK_EVERY_MS).unref();
    void this.answers();
  }

  /** What is known by now. */
  get contact(): DatabaseContact {
    return this.#contact;
  }

  /** Whether it answers in time. Those who ask while an answer is awaited, or right after it, share it. */
  answers(): Promise<boolean> {
    this.#pending ??= this.#ask();
    return this.#pending;
  }

  /** Waits for the connection to close, though not for a server that stands still. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.race([this.#database.close(), sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
  }

  async #ask(): Promise<boolean> {
    const askedAt = new Date();
    const answer = this.#database.pool.query("select 1").then(
      () => null,
      (error: Error) => error.message,
    );
    const failure = await Promise.race([answer, tooLate()]);
    this.#note(failure, askedAt);
    setTimeout(() => (this.#pending = null), FRESH_MS).unref();
    return failure === null;
  }

  #note(failure: string | null, askedAt: Date): void {
    const { lastAnswerAt, unavailableSince } = this.#contact;
    if (failure === null) {
      if (unavailableSince !== null) {
        const awayForMs = Date.now() - unavailableSince.getTime();
        this.#log.info({ awayForMs }, "the database answers again");
      }
      this.#contact = { lastAnswerAt: new Date(), unavailableSince: null };
    } else if (unavailableSince === null) {
      this.#log.warn({ reason: failure }, "the database does not answer");
      this.#contact = { lastAnswerAt, unavailableSince: askedAt };
    }
  }
}

/** While this process itself stood still an answer may have come, which it reads before it judges. */
async function tooLate(): Promise<string> {
  await sleep(ANSWER_TIMEOUT_MS, undefined, { ref: false });
  return setImmediate(`no answer within ${ANSWER_TIMEOUT_MS} ms`);
}

export function addWatchMetric(registry: Registry, watch: DatabaseWatch): void {
  const up = new Gauge({
    name: "nightbell_database_up",
    help: "Whether the database answers (1) or not (0)",
    registers: [],
    collect() {
      this.set(watch.contact.unavailableSince === null ? 1 : 0);
    },
  });
  registry.registerMetric(up);
}
