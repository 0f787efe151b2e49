// What many samples amount to, so that two of it make one: counts, sums, and a histogram of RTTs. Pure.
import { statusCodes } from "../sample.js";
import type { SummaryRow } from "../queries.js";

// The histogram is a DDSketch (Masson, Rim, Lee 2019): keys grow by 2 %, so that the value in the middle of a key is
// within 1 % of every RTT of the key. The SQL function `rtt_key` computes the same keys.
const GROWTH = 1.02;
const LOG_GROWTH = Math.log(GROWTH);

/** An entry of a histogram in a block is key · 2^20 + count, which 32 bits hold. */
const COUNT_BITS = 20;
const COUNT_MASK = 2 ** COUNT_BITS - 1;
/** Numbers of a block before the entries of its histogram; their order is told in the migration. */
const BLOCK_HEAD = 12;

/** The key of an RTT in whole microseconds. */
export function rttKey(rttUs: number): number {
  return rttUs < 1 ? 0 : 1 + Math.ceil(Math.log(rttUs) / LOG_GROWTH);
}

/** What stands for the RTTs of a key, in microseconds. */
export function keyRttUs(key: number): number {
  return key === 0 ? 0 : (2 * GROWTH ** (key - 1)) / (GROWTH + 1);
}

/** Many samples at once, microseconds. */
export interface Bulk {
  samples: number;
  missed: number;
  systemErrors: number;
  /** Of successes that have one. */
  rttsUs: readonly number[];
  jitters: number;
  jitterSumUs: number;
  jitterMaxUs: number;
}

/** RTTs are of successes, in microseconds like jitters. */
export class Rollup {
  sampleCount = 0;
  missedCount = 0;
  systemErrorCount = 0;
  #rttCount = 0;
  #rttSum = 0;
  #rttSquares = 0;
  #rttMin = Infinity;
  #rttMax = -Infinity;
  #jitterCount = 0;
  #jitterSum = 0;
  #jitterMax = -Infinity;
  /** How many RTTs each key has. */
  readonly #histogram = new Map<number, number>();

  /** Adds a sample, of which RTT and jitter may be missing (NaN). */
  add(status: number, rttUs: number, jitterUs: number): void {
    this.sampleCount += 1;
    if (status === statusCodes.missed) this.missedCount += 1;
    else if (status === statusCodes.system_error) this.systemErrorCount += 1;
    else if (!Number.isNaN(rttUs)) this.#addRtt(rttUs);
    if (!Number.isNaN(jitterUs)) this.#addJitters(1, jitterUs, jitterUs);
  }

  addBulk(bulk: Bulk): void {
    this.sampleCount += bulk.samples;
    this.missedCount += bulk.missed;
    this.systemErrorCount += bulk.systemErrors;
    for (const rttUs of bulk.rttsUs) this.#addRtt(rttUs);
    this.#addJitters(bulk.jitters, bulk.jitterSumUs, bulk.jitterMaxUs);
  }

  #addRtt(rttUs: number): void {
    this.#rttCount += 1;
    this.#rttSum += rttUs;
    this.#rttSquares += rttUs ** 2;
    if (rttUs < this.#rttMin) this.#rttMin = rttUs;
    if (rttUs > this.#rttMax) this.#rttMax = rttUs;
    this.#count(rttKey(rttUs), 1);
  }

  #addJitters(count: number, sumUs: number, maxUs: number): void {
    this.#jitterCount += count;
    this.#jitterSum += sumUs;
    if (maxUs > this.#jitterMax) this.#jitterMax = maxUs;
  }

  merge(other: Rollup): void {
    this.sampleCount += other.sampleCount;
    this.missedCount += other.missedCount;
    this.systemErrorCount += other.systemErrorCount;
    this.#rttCount += other.#rttCount;
    this.#rttSum += other.#rttSum;
    this.#rttSquares += other.#rttSquares;
    this.#rttMin = Math.min(this.#rttMin, other.#rttMin);
    this.#rttMax = Math.max(this.#rttMax, other.#rttMax);
    this.#addJitters(other.#jitterCount, other.#jitterSum, other.#jitterMax);
    for (const [key, count] of other.#histogram) this.#count(key, count);
  }

  /** The numbers of the API, percentiles within 1 % of the nearest rank. */
  summary(): SummaryRow {
    const hasRtt = this.#rttCount > 0;
    const mean = this.#rttSum / this.#rttCount;
    const [p50, p95, p99] = this.#percentiles([0.5, 0.95, 0.99]);
    return {
      sample_count: this.sampleCount,
      missed_count: this.missedCount,
      system_error_count: this.systemErrorCount,
      avg_rtt_us: hasRtt ? mean : null,
      min_rtt_us: hasRtt ? this.#rttMin : null,
      max_rtt_us: hasRtt ? this.#rttMax : null,
      p95_rtt_us: p95 ?? null,
      p50_p99_rtt_us: p50 === undefined || p99 === undefined ? null : [p50, p99],
      stddev_rtt_us: hasRtt ? Math.sqrt(Math.max(this.#rttSquares / this.#rttCount - mean ** 2, 0)) : null,
      avg_jitter_us: this.#jitterCount === 0 ? null : this.#jitterSum / this.#jitterCount,
      max_jitter_us: this.#jitterCount === 0 ? null : this.#jitterMax,
    };
  }

  /** The block of a row of rollups; averages become whole microseconds. */
  toBlock(number: number): number[] {
    const { avg_rtt_us, stddev_rtt_us, min_rtt_us, max_rtt_us, avg_jitter_us, max_jitter_us } =
      this.summary();
    return [
      number,
      this.sampleCount,
      this.missedCount,
      this.systemErrorCount,
      Math.round(avg_rtt_us ?? 0),
      Math.round(stddev_rtt_us ?? 0),
      min_rtt_us ?? 0,
      max_rtt_us ?? 0,
      this.#jitterCount,
      Math.round(avg_jitter_us ?? 0),
      max_jitter_us ?? 0,
      this.#histogram.size,
      ...this.#sorted().map(([key, count]) => (key << COUNT_BITS) + count),
    ];
  }

  /** The blocks of a row, each with its number in the row. */
  static ofBlocks(blocks: readonly number[]): { number: number; rollup: Rollup }[] {
    const rollups: { number: number; rollup: Rollup }[] = [];
    for (let at = 0; at < blocks.length;) {
      const next = at + BLOCK_HEAD + (blocks[at + BLOCK_HEAD - 1] ?? 0);
      rollups.push({ number: blocks[at] ?? 0, rollup: Rollup.#ofBlock(blocks, at, next) });
      at = next;
    }
    return rollups;
  }

  /** Of the block from `start` to `end`. */
  static #ofBlock(blocks: readonly number[], start: number, end: number): Rollup {
    const head = blocks.slice(start, start + BLOCK_HEAD);
    const [, samples = 0, missed = 0, systemErrors = 0, mean = 0, deviation = 0, min = 0, max = 0] = head;
    const [jitters = 0, jitterMean = 0, jitterMax = 0] = head.slice(8);
    const rollup = new Rollup();
    rollup.sampleCount = samples;
    rollup.missedCount = missed;
    rollup.systemErrorCount = systemErrors;
    for (let at = start + BLOCK_HEAD; at < end; at += 1) {
      const entry = blocks[at] ?? 0;
      const count = entry & COUNT_MASK;
      // Each key has one entry.
      rollup.#histogram.set(entry >> COUNT_BITS, count);
      rollup.#rttCount += count;
    }
    if (rollup.#rttCount > 0) {
      rollup.#rttSum = rollup.#rttCount * mean;
      rollup.#rttSquares = rollup.#rttCount * (mean ** 2 + deviation ** 2);
      [rollup.#rttMin, rollup.#rttMax] = [min, max];
    }
    if (jitters > 0) rollup.#addJitters(jitters, jitters * jitterMean, jitterMax);
    return rollup;
  }

  #count(key: number, count: number): void {
    this.#histogram.set(key, (this.#histogram.get(key) ?? 0) + count);
  }

  #sorted(): [number, number][] {
    return [...this.#histogram].sort(([a], [b]) => a - b);
  }

  /** Of rising shares; none without RTTs. */
  #percentiles(shares: readonly number[]): number[] {
    if (this.#rttCount === 0) return [];
    const entries = this.#sorted();
    let [at, passed] = [0, entries[0]?.[1] ?? 0];
    return shares.map((share) => {
      const rank = Math.max(Math.ceil(share * this.#rttCount), 1);
      while (passed < rank && at < entries.length - 1) passed += entries[(at += 1)]?.[1] ?? 0;
      const rttUs = keyRttUs(entries[at]?.[0] ?? 0);
      return Math.min(Math.max(rttUs, this.#rttMin), this.#rttMax);
    });
  }
}
