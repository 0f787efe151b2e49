// A job's samples as a chart draws them: at most 500 points, whatever the span.
import type { Series, SeriesPoint } from "@nightbell/contract";
import type { DatabaseHandle } from "../../platform/db.js";
import { cutIntoBuckets, type Bucket } from "./buckets.js";
import { hoursBetween } from "./chunks/hours.js";
import { readAggregatesByLabel, readAggregatesBySlot } from "./history.js";
import type { Aggregate } from "./queries.js";
import { hasFineEnough, levelFor } from "./rollups/levels.js";
import { readReach } from "./rollups/queries.js";
import { rollUpWindow } from "./rollups/read.js";
import type { SampledJob } from "./sampled-job.js";
import { HOUR_MS, toMs } from "./sample.js";
import { spansBetween } from "./slots.js";
import {
  boundWindow,
  countDue,
  endOfJob,
  EXACT_SAMPLES,
  expectedSamples,
  MAX_AGGREGATED_SAMPLES,
  resolveWindow,
  type Window,
  type WindowQuery,
} from "./window.js";

export interface SeriesQuery extends WindowQuery {
  points: number;
}

/**
 * Every sample of the window is in exactly one point: `maxRttMs` and `minRttMs` keep each spike, `missedCount` and
 * `systemErrorCount` each loss, and `expectedCount` above `sampleCount` is a gap. RTTs are of successes.
 *
 * Where at most `points` slots were due, each point is one slot (`raw`); otherwise a bucket of whole calendar length
 * on boundaries that do not depend on the window. A stretch in which the job did not run has one point with
 * `expectedCount` 0 when it lies between others, so that a line breaks there, and none at the ends. Slots whose result
 * may still be on its way are not expected yet.
 *
 * A window of more than 200,000 samples, or of more than 20,000 in at least 21 hours, is told by rollups, whose percentiles
 * are within 1 %, and which count a sample that came late from their next turn on. Where more than 200,000 are in no rollup yet, it is answered for its newest part with so many, which `from` tells.
 */
export async function readSeries(
  database: DatabaseHandle,
  job: SampledJob,
  query: SeriesQuery,
  now: number,
): Promise<Series> {
  const asked = resolveWindow(query, { to: endOfJob(job, now), from: (to) => to - HOUR_MS });
  const past = { from: asked.from, to: Math.min(asked.to, now) };
  const count = countDue(job.grids, past.from, past.to);
  if (count > MAX_AGGREGATED_SAMPLES || (count > EXACT_SAMPLES && hasFineEnough(past))) {
    const series = await readLongSeries(database, job, asked, query.points, now);
    if (series !== null) return series;
  }
  const window = boundWindow(job, asked, now);
  const { resolution, buckets } = cutIntoBuckets(job.grids, window, query.points);
  const hours = await hoursBetween(database.pool, window.from, window.to);
  const isRaw = resolution === "raw";
  // A bucket of one slot is told by the slot: far fewer spans to look up.
  const spans = (isRaw ? [window] : buckets).flatMap(({ from, to }, label) =>
    spansBetween(job.grids, from, to, hours).map((span) => ({ ...span, jobNo: job.jobNo, label })),
  );
  const aggregates = await (isRaw ? readAggregatesBySlot : readAggregatesByLabel)(database, spans, hours);
  return {
    resolution,
    from: new Date(window.from).toISOString(),
    to: new Date(asked.to).toISOString(),
    points: toPoints(job, buckets, (bucket, label) => aggregates.get(isRaw ? bucket.from : label), now),
  };
}

/** A window from the coarsest rollups that give a chart enough; null where too much of it is in none yet. */
async function readLongSeries(
  database: DatabaseHandle,
  job: SampledJob,
  asked: Window,
  maxPoints: number,
  now: number,
): Promise<Series | null> {
  const window = { from: asked.from, to: Math.min(asked.to, now) };
  const start = Math.max(window.from, job.grids[0]?.fromSlot ?? 0);
  const reaches = await readReach(database.pool);
  const level = levelFor({ from: start, to: window.to }, (each) => reaches(each, start));
  const { resolution, buckets } = cutIntoBuckets(job.grids, window, maxPoints, level.bucketMs);
  const rollups = await rollUpWindow(database, job, level, buckets);
  if (rollups === null) return null;
  return {
    resolution,
    from: new Date(asked.from).toISOString(),
    to: new Date(asked.to).toISOString(),
    points: toPoints(job, buckets, (_, label) => rollups.get(label)?.summary(), now),
  };
}

function toPoints(
  job: SampledJob,
  buckets: readonly Bucket[],
  aggregateOf: (bucket: Bucket, label: number) => Aggregate | undefined,
  now: number,
): SeriesPoint[] {
  return (
    buckets
      .map((bucket, label) => toPoint(job, bucket, aggregateOf(bucket, label) ?? nothing, now))
      // A bucket in which no slot was due, or none that could be settled, says nothing.
      .filter((point, index) => point.expectedCount > 0 || buckets[index]?.isRunning === false)
  );
}

const nothing: Aggregate = {
  sample_count: 0,
  missed_count: 0,
  system_error_count: 0,
  avg_rtt_us: null,
  min_rtt_us: null,
  max_rtt_us: null,
  p95_rtt_us: null,
};

function toPoint(job: SampledJob, bucket: Bucket, row: Aggregate, now: number): SeriesPoint {
  return {
    from: new Date(bucket.from).toISOString(),
    to: new Date(bucket.to).toISOString(),
    avgRttMs: toMs(row.avg_rtt_us),
    minRttMs: toMs(row.min_rtt_us),
    maxRttMs: toMs(row.max_rtt_us),
    p95RttMs: toMs(row.p95_rtt_us),
    sampleCount: row.sample_count,
    missedCount: row.missed_count,
    systemErrorCount: row.system_error_count,
    expectedCount: bucket.isRunning ? expectedSamples(job, bucket, row.sample_count, now) : 0,
  };
}
