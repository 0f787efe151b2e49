// Does the work of a table of work (lease.ts): takes rows that are due, a bounded number at once, and keeps their leases
// while they are worked on. A notification wakes it early; it looks by itself anyway.
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Counter, Gauge, type Registry } from "prom-client";
import { type Db, failureLevel } from "./db.js";
import { backoffMs, type Lease, LeaseLostError, type WorkTable } from "./lease.js";
import type { Logger } from "./log.js";
import { Rounds } from "./rounds.js";

/** Where inserts of work notify; a wake-up only, without a payload. */
export const WORK_CHANNEL = "nightbell_work";

/** How often it looks without being woken. */
const LOOK_INTERVAL_MS = 1_000;
/** Between two looks even when wake-ups rain. */
const LOOK_PAUSE_MS = 20;
/** After an error nobody expected, such as a database that is away. */
const ERROR_BACKOFF = { firstMs: 1_000, longestMs: 600_000 };

/**
 * Does the work of one row and releases its lease, in the transaction that stores the result. What it throws is logged,
 * and the row is due again later. `signal` aborts when the lease is lost or the process has no more time.
 */
export type Handler = (lease: Lease, signal: AbortSignal) => Promise<void>;

export interface WorkerOptions {
  readonly db: Db;
  readonly table: WorkTable;
  /** Rows worked on at once; those beyond wait in the table. */
  readonly concurrency: number;
  readonly renewEveryMs: number;
  readonly handle: Handler;
  readonly log: Logger;
  readonly metrics: WorkMetrics;
}

export class Worker {
  readonly #options: WorkerOptions;
  readonly #owner = randomUUID();
  readonly #rounds = new Rounds({ pauseMs: LOOK_PAUSE_MS, intervalMs: LOOK_INTERVAL_MS });
  readonly #held = new Map<Lease, { abort: AbortController; done: Promise<void> }>();
  readonly #renewal: NodeJS.Timeout;
  readonly #looking: Promise<void>;
  #isStopping = false;
  #isFailing = false;

  /** Begins at once. */
  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#renewal = setInterval(() => void this.#renew(), options.renewEveryMs);
    this.#looking = this.#look();
  }

  /** There may be work. */
  wake(): void {
    this.#rounds.wake();
  }

  /** Takes nothing more; what is under way has `deadlineMs` to end, then it is aborted and left to others. */
  async stop(deadlineMs: number): Promise<void> {
    this.#isStopping = true;
    this.#rounds.stop();
    await this.#looking;
    const ended = () => Promise.all([...this.#held.values()].map(({ done }) => done));
    const timer = new AbortController();
    const tooLate = delay(deadlineMs, undefined, { signal: timer.signal }).catch(() => undefined);
    await Promise.race([ended(), tooLate]);
    timer.abort();
    for (const { abort } of this.#held.values()) abort.abort();
    await ended();
    clearInterval(this.#renewal);
  }

  async #look(): Promise<void> {
    do {
      try {
        await this.#take();
        this.#isFailing = false;
      } catch (error) {
        const level = this.#isFailing ? "debug" : failureLevel(error);
        this.#isFailing = true;
        this.#options.log[level](
          { err: error },
          `no work can be taken from ${this.#options.table.name}; trying again`,
        );
      }
    } while (await this.#rounds.next());
  }

  async #take(): Promise<void> {
    const { table, concurrency, metrics } = this.#options;
    const free = concurrency - this.#held.size;
    if (free === 0 || this.#isStopping) return;
    for (const lease of await table.lease(this.#owner, free)) {
      metrics.leases.inc({ work: table.name });
      const abort = new AbortController();
      const done = this.#work(lease, abort.signal).finally(() => {
        this.#held.delete(lease);
        metrics.held.dec({ work: table.name });
        this.wake(); // A place is free.
      });
      this.#held.set(lease, { abort, done });
      metrics.held.inc({ work: table.name });
    }
  }

  async #work(lease: Lease, signal: AbortSignal): Promise<void> {
    const { db, table, handle, log, metrics } = this.#options;
    try {
      await handle(lease, signal);
    } catch (error) {
      if (error instanceof LeaseLostError) {
        metrics.lost.inc({ work: table.name });
        return;
      }
      const againInMs = signal.aborted ? 0 : backoffMs(lease.attempt, ERROR_BACKOFF, Math.random());
      const level = signal.aborted ? "debug" : failureLevel(error);
      log[level](
        { err: error, id: lease.id, attempt: lease.attempt },
        `work of ${table.name} failed; it is tried again`,
      );
      // Where this fails too, the lease runs out.
      await table.release(db, lease, againInMs).catch(() => undefined);
    }
  }

  async #renew(): Promise<void> {
    if (this.#held.size === 0) return;
    const held = [...this.#held];
    try {
      const renewed = await this.#options.table.renew(held.map(([lease]) => lease));
      // One that has ended meanwhile is no longer held, and aborting it changes nothing.
      for (const [lease, { abort }] of held) if (!renewed.has(lease.id)) abort.abort();
    } catch (error) {
      // It goes on: whether the lease held is decided when the result is stored.
      this.#options.log.debug({ err: error }, `leases of ${this.#options.table.name} cannot be renewed`);
    }
  }
}

export type WorkMetrics = ReturnType<typeof workMetrics>;

export function workMetrics(registry: Registry) {
  const common = { labelNames: ["work"] as const, registers: [registry] };
  return {
    leases: new Counter({
      name: "nightbell_work_leases_total",
      help: "Rows of work that were taken, repetitions included",
      ...common,
    }),
    lost: new Counter({
      name: "nightbell_work_lost_leases_total",
      help: "Rows of work whose result was dropped because the lease had been lost",
      ...common,
    }),
    held: new Gauge({ name: "nightbell_work_held", help: "Rows of work under way", ...common }),
  };
}
