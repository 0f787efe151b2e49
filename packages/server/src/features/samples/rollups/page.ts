// One page of a job's rollups, newest first.
import type { Rollup as RollupAnswer, RollupPage, RollupsQuery } from "@nightbell/contract";
import { z } from "zod";
import type { DatabaseHandle } from "../../../platform/db.js";
import { cursorScope, decodeCursor, encodeCursor, pagination } from "../../../platform/pagination.js";
import type { SampledJob } from "../sampled-job.js";
import { toMs } from "../sample.js";
import { runsOf } from "../slots.js";
import { lossPercent } from "../summary.js";
import { expectedSamples, resolveWindow, type Window } from "../window.js";
import { type Level, levels } from "./levels.js";
import { newestRollups } from "./queries.js";
import { Rollup } from "./rollup.js";

const CursorKeys = z.tuple([z.int()]);

/** The buckets that overlap the window, whole, over all locations. `totalItems` counts those in which the job ran. */
export async function readRollupPage(
  database: DatabaseHandle,
  job: SampledJob,
  query: RollupsQuery,
  now: number,
): Promise<RollupPage> {
  const level = levels.find(({ resolution }) => resolution === query.resolution) ?? levels[1];
  const window = resolveWindow(query, { to: now, from: () => 0 });
  const scope = cursorScope("rollups", { job: job.id, resolution: query.resolution });
  const [to] = query.cursor === undefined ? [window.to] : decodeCursor(query.cursor, scope, CursorKeys);
  // A row has a bucket at least, though that of the newest may lie beyond the window.
  const rows = query.limit + 2;
  const stored = await newestRollups(database.pool, job.jobNo, level, { from: window.from, to }, rows);

  const byBucket = new Map<number, Rollup>();
  for (const { from, rollup } of stored) {
    const whole = byBucket.get(from) ?? new Rollup();
    byBucket.set(from, whole);
    whole.merge(rollup);
  }
  const buckets = [...byBucket].sort(([a], [b]) => b - a);
  const shown = buckets.slice(0, query.limit);
  const hasNextPage = buckets.length > query.limit;
  return {
    data: shown.map(([from, rollup]) => toAnswer(job, { from, to: from + level.bucketMs }, rollup, now)),
    pagination: pagination(query, {
      total: countBuckets(job, { from: window.from, to: Math.min(window.to, now) }, level),
      isEstimate: true,
      hasNextPage,
      nextCursor: hasNextPage ? encodeCursor(scope, [shown.at(-1)?.[0]]) : null,
    }),
  };
}

function toAnswer(job: SampledJob, bucket: Window, rollup: Rollup, now: number): RollupAnswer {
  const row = rollup.summary();
  const successCount = row.sample_count - row.missed_count - row.system_error_count;
  const [p50Us, p99Us] = row.p50_p99_rtt_us ?? [null, null];
  return {
    from: new Date(bucket.from).toISOString(),
    to: new Date(bucket.to).toISOString(),
    sampleCount: row.sample_count,
    successCount,
    missedCount: row.missed_count,
    systemErrorCount: row.system_error_count,
    expectedCount: expectedSamples(job, bucket, row.sample_count, now),
    lossPercent: lossPercent(successCount, row.missed_count),
    avgRttMs: toMs(row.avg_rtt_us),
    minRttMs: toMs(row.min_rtt_us),
    maxRttMs: toMs(row.max_rtt_us),
    p50RttMs: toMs(p50Us),
    p95RttMs: toMs(row.p95_rtt_us),
    p99RttMs: toMs(p99Us),
    stddevRttMs: toMs(row.stddev_rtt_us),
    avgJitterMs: toMs(row.avg_jitter_us),
    maxJitterMs: toMs(row.max_jitter_us),
  };
}

/** Buckets in which the job ran. */
function countBuckets(job: SampledJob, window: Window, { bucketMs }: Level): number {
  let counted = 0;
  let last = -Infinity;
  for (const run of runsOf(job.grids)) {
    const first = Math.max(Math.floor(Math.max(run.from, window.from) / bucketMs), last + 1);
    const end = Math.ceil(Math.min(run.to, window.to) / bucketMs);
    if (end <= first) continue;
    counted += end - first;
    last = end - 1;
  }
  return counted;
}
