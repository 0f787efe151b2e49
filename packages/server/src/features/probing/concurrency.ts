// How many connection-type probes are under way at once, and the line of those that wait.
import type { Clock } from "../../platform/clock.js";
import { openFileLimit } from "../../platform/file-limit.js";

/** CONCURRENCY when it is not set; from here the limit rises by itself. */
const INITIAL_LIMIT = 50;
const GROWTH_FACTOR = 1.5;
/** While probes wait, this often the expired ones are given up and the limit may rise. */
const REVIEW_INTERVAL_MS = 10;
/** A review that comes later than this says that the processor is the bottleneck; more probes at once would only smear results. */
const SATURATED_REVIEW_MS = 3 * REVIEW_INTERVAL_MS;
/** Probes that may wait; more are given up at once. Ten seconds of 5,000 probes a second. */
const MAX_WAITING = 50_000;
/** Where the system does not tell its limit, the smallest usual one. */
const SMALLEST_FILE_LIMIT = 1_024;
/** Open files kept for the database, logs, the spool and the ICMP sockets. */
const RESERVED_FILES = 256;
/** A socket that closes while its successor opens, or a second one for a name server. */
const FILES_PER_PROBE = 2;
const MAX_LIMIT = 10_000;

export interface WaitingProbe {
  /** Monotonic time after which starting it is of no use. */
  readonly deadline: number;
  /** Runs it; must not throw. The place is free again when the promise settles. */
  run(): Promise<void>;
  /** It could not start before its deadline. */
  expire(): void;
  /** It was given up because the poller stops. */
  drop(): void;
}

/**
 * Starts probes in the order they come, at most `limit` at once. With a fixed limit that is all. Otherwise the limit
 * rises by half every few milliseconds while probes wait and the processor keeps up, to what the limit of open files
 * allows; it never falls, because a place that is not used costs nothing.
 */
export class ConcurrencyLimit {
  readonly #clock: Clock;
  readonly #maximum: number;
  #limit: number;
  #active = 0;
  #waiting: WaitingProbe[] = [];
  #review: NodeJS.Timeout | null = null;

  constructor(clock: Clock, fixedLimit: number | undefined, maximum: number = maximumOfThisProcess()) {
    this.#clock = clock;
    this.#maximum = fixedLimit ?? maximum;
    this.#limit = Math.min(fixedLimit ?? INITIAL_LIMIT, this.#maximum);
  }

  get limit(): number {
    return this.#limit;
  }

  get active(): number {
    return this.#active;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  submit(probe: WaitingProbe): void {
    if (this.#active < this.#limit) this.#start(probe);
    else if (this.#waiting.length >= MAX_WAITING) probe.expire();
    else {
      this.#waiting.push(probe);
      if (this.#review === null) this.#review = this.#reviewLater();
    }
  }

  /** Drops what waits. */
  clear(): void {
    for (const probe of this.#waiting.splice(0)) probe.drop();
  }

  #start(probe: WaitingProbe): void {
    this.#active += 1;
    void probe.run().finally(() => {
      this.#active -= 1;
      this.#startWaiting();
    });
  }

  #startWaiting(): void {
    while (this.#active < this.#limit) {
      const probe = this.#waiting.shift();
      if (probe === undefined) return;
      if (probe.deadline <= this.#clock.monotonic()) probe.expire();
      else this.#start(probe);
    }
  }

  #reviewLater(): NodeJS.Timeout {
    const armedAt = performance.now();
    return setTimeout(() => {
      this.#review = null;
      const isSaturated = performance.now() - armedAt > SATURATED_REVIEW_MS;
      this.#expireOverdue();
      if (this.#waiting.length === 0) return;
      if (!isSaturated) this.#limit = Math.min(Math.ceil(this.#limit * GROWTH_FACTOR), this.#maximum);
      this.#startWaiting();
      if (this.#waiting.length > 0) this.#review = this.#reviewLater();
    }, REVIEW_INTERVAL_MS);
  }

  #expireOverdue(): void {
    const now = this.#clock.monotonic();
    const overdue = this.#waiting.filter(({ deadline }) => deadline <= now);
    if (overdue.length === 0) return;
    this.#waiting = this.#waiting.filter(({ deadline }) => deadline > now);
    for (const probe of overdue) probe.expire();
  }
}

/** Connection-type probes that the limit of open files allows at once. */
function maximumOfThisProcess(): number {
  const files = openFileLimit() ?? SMALLEST_FILE_LIMIT;
  const forProbes = Math.floor((files - RESERVED_FILES) / FILES_PER_PROBE);
  return Math.min(Math.max(forProbes, INITIAL_LIMIT), MAX_LIMIT);
}
