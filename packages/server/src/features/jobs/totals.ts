// How many jobs a list has (P4): exact while counting is cheap; beyond that from a count made shortly before, or from
// the planner's statistics until there is one, and then marked as an estimate.
import type { FastifyBaseLogger } from "fastify";
import type { Clock } from "../../platform/clock.js";
import type { Db } from "../../platform/db.js";
import { countUpTo, estimateCount, type JobFilter, MAX_SORTED_MATCHES } from "./list-queries.js";

export interface Total {
  readonly count: number;
  /** Counted for this request, or within FRESH_MS before it, or taken from the planner's statistics. */
  readonly source: "exact" | "recent" | "statistics";
}

/** Counting this far in an index takes a millisecond. */
const EXACT_BOUND = 10_000;
/** Counting 100,000 jobs takes about 10 ms, in the background and at most once in this time for each filter. */
const FRESH_MS = 30_000;
const MAX_ENTRIES = 1_000;

export class JobTotals {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #log: FastifyBaseLogger;
  /** Oldest first, since a recount is inserted anew. */
  readonly #counted = new Map<string, { count: number; at: number }>();
  /** One count at a time; a filter whose turn it is not shows its estimate a little longer. */
  #isCounting = false;

  constructor(db: Db, clock: Clock, log: FastifyBaseLogger) {
    this.#db = db;
    this.#clock = clock;
    this.#log = log;
  }

  async count(filter: JobFilter): Promise<Total> {
    const key = JSON.stringify([filter.organisationId, filter.status, filter.type, filter.search]);
    const known = this.#counted.get(key);
    if (known !== undefined && this.#clock.monotonic() - known.at < FRESH_MS) {
      return { count: known.count, source: "recent" };
    }
    // A search that comes here is known to have more matches than could be sorted; no index counts them.
    const isSearch = filter.search !== undefined;
    const atLeast = isSearch ? MAX_SORTED_MATCHES + 1 : await countUpTo(this.#db, filter, EXACT_BOUND + 1);
    if (!isSearch && atLeast <= EXACT_BOUND) {
      this.#counted.delete(key);
      return { count: atLeast, source: "exact" };
    }
    if (!this.#isCounting) void this.#recount(key, filter);
    const estimate = known?.count ?? (await estimateCount(this.#db, filter));
    return { count: Math.max(estimate, atLeast), source: "statistics" };
  }

  async #recount(key: string, filter: JobFilter): Promise<void> {
    this.#isCounting = true;
    try {
      const count = await countUpTo(this.#db, filter, Number.MAX_SAFE_INTEGER);
      this.#counted.delete(key);
      this.#counted.set(key, { count, at: this.#clock.monotonic() });
      const [oldest] = this.#counted.keys();
      if (this.#counted.size > MAX_ENTRIES && oldest !== undefined) this.#counted.delete(oldest);
    } catch (error) {
      this.#log.warn({ err: error }, "counting jobs failed; the estimate stays");
    } finally {
      this.#isCounting = false;
    }
  }
}
