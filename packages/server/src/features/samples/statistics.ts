// Statistics of samples in memory: the same numbers as the SQL in queries.ts computes, from the same definitions. Pure.
import type { SummaryRow } from "./queries.js";
import { statusCodes } from "./sample.js";

/** Collects samples, of which RTT and jitter may be missing (NaN). */
export class Tally {
  #sampleCount = 0;
  #missedCount = 0;
  #systemErrorCount = 0;
  /** Of successes. */
  readonly #rttUs: number[] = [];
  #jitterCount = 0;
  #jitterSumUs = 0;
  #jitterMaxUs = -Infinity;

  add(status: number, rttUs: number, jitterUs: number): void {
    this.#sampleCount += 1;
    if (status === statusCodes.missed) this.#missedCount += 1;
    else if (status === statusCodes.system_error) this.#systemErrorCount += 1;
    else if (!Number.isNaN(rttUs)) this.#rttUs.push(rttUs);
    if (Number.isNaN(jitterUs)) return;
    this.#jitterCount += 1;
    this.#jitterSumUs += jitterUs;
    if (jitterUs > this.#jitterMaxUs) this.#jitterMaxUs = jitterUs;
  }

  summary(): SummaryRow {
    const rtts = Float64Array.from(this.#rttUs).sort();
    const mean = rtts.reduce((sum, rtt) => sum + rtt, 0) / rtts.length;
    const squares = rtts.reduce((sum, rtt) => sum + (rtt - mean) ** 2, 0);
    const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => nearestRank(rtts, share));
    return {
      sample_count: this.#sampleCount,
      missed_count: this.#missedCount,
      system_error_count: this.#systemErrorCount,
      avg_rtt_us: rtts.length === 0 ? null : mean,
      min_rtt_us: rtts[0] ?? null,
      max_rtt_us: rtts.at(-1) ?? null,
      p95_rtt_us: p95 ?? null,
      p50_p99_rtt_us: p50 === undefined || p99 === undefined ? null : [p50, p99],
      stddev_rtt_us: rtts.length === 0 ? null : Math.sqrt(squares / rtts.length),
      avg_jitter_us: this.#jitterCount === 0 ? null : this.#jitterSumUs / this.#jitterCount,
      max_jitter_us: this.#jitterCount === 0 ? null : this.#jitterMaxUs,
    };
  }
}

/** The smallest value that at least so large a share of all values is not above. */
function nearestRank(sorted: Float64Array, share: number): number | undefined {
  return sorted[Math.max(Math.ceil(share * sorted.length), 1) - 1];
}
