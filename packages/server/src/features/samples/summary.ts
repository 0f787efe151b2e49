// The statistics of a job over a window.
import type { Summary } from "@nightbell/contract";
import type { DatabaseHandle } from "../../platform/db.js";
import { hoursBetween } from "./chunks/hours.js";
import { readStatistics } from "./history.js";
import { hourOf } from "./partitions.js";
import { countStrays, type SummaryRow } from "./queries.js";
import { levels } from "./rollups/levels.js";
import { rollUpWindow } from "./rollups/read.js";
import type { SampledJob } from "./sampled-job.js";
import { toMs } from "./sample.js";
import { spansBetween } from "./slots.js";
import {
  boundWindow,
  countDue,
  endOfJob,
  EXACT_SAMPLES,
  resolveWindow,
  settledEnd,
  type Window,
  type WindowQuery,
} from "./window.js";

/**
 * Statistics of every sample: percentiles by nearest rank, the standard deviation of all (not of a sample of them), RTTs
 * of successes only. Without a window, the whole job. A window of more than 20,000 samples is told by rollups, whose
 * percentiles are within 1 %; where more than 200,000 are in no rollup yet, it is answered for its newest part with so
 * many, which `from` tells. Stray replies are counted by the hour they came in, so those
 * of the whole first hour are included.
 */
export async function readSummary(
  database: DatabaseHandle,
  job: SampledJob,
  query: WindowQuery,
  now: number,
): Promise<Summary> {
  const asked = resolveWindow(query, { to: endOfJob(job, now), from: (to) => job.grids[0]?.fromSlot ?? to });
  // Slots whose result may still be on its way are expected only when it has come. What has is counted first, so that
  // what comes meanwhile is not taken for a gap.
  const end = Math.min(asked.to, now);
  const settledTo = Math.max(asked.from, Math.min(end, settledEnd(job, now)));
  const newest = await statisticsOf(database, job, { from: settledTo, to: Math.max(settledTo, end) });
  const { window, row, strays } =
    (await rolledUp(database, job, asked, now)) ?? (await exact(database, job, asked, now));
  const sampleCount = row?.sample_count ?? 0;
  const missedCount = row?.missed_count ?? 0;
  const systemErrorCount = row?.system_error_count ?? 0;
  const successCount = sampleCount - missedCount - systemErrorCount;
  const [p50Us, p99Us] = row?.p50_p99_rtt_us ?? [null, null];
  return {
    sampleCount,
    expectedCount: Math.max(
      countDue(job.grids, window.from, settledTo) + (newest?.sample_count ?? 0),
      sampleCount,
    ),
    successCount,
    missedCount,
    systemErrorCount,
    lossPercent: lossPercent(successCount, missedCount),
    avgRttMs: toMs(row?.avg_rtt_us ?? null),
    minRttMs: toMs(row?.min_rtt_us ?? null),
    maxRttMs: toMs(row?.max_rtt_us ?? null),
    p50RttMs: toMs(p50Us),
    p95RttMs: toMs(row?.p95_rtt_us ?? null),
    p99RttMs: toMs(p99Us),
    stddevRttMs: toMs(row?.stddev_rtt_us ?? null),
    avgJitterMs: toMs(row?.avg_jitter_us ?? null),
    maxJitterMs: toMs(row?.max_jitter_us ?? null),
    duplicateReplies: strays.duplicates,
    lateReplies: strays.late,
    from: new Date(window.from).toISOString(),
    to: new Date(asked.to).toISOString(),
  };
}

interface Statistics {
  window: Window;
  row: SummaryRow | null;
  strays: { duplicates: number; late: number };
}

/** From rollups; null where the window is short, or too much of it is in none yet. */
async function rolledUp(
  database: DatabaseHandle,
  job: SampledJob,
  asked: Window,
  now: number,
): Promise<Statistics | null> {
  const to = Math.max(Math.min(asked.to, now), asked.from);
  const from = Math.max(asked.from, Math.min(job.grids[0]?.fromSlot ?? to, to));
  if (countDue(job.grids, from, to) <= EXACT_SAMPLES) return null;
  const window = { from: asked.from, to };
  const [rollups, strays] = await Promise.all([
    rollUpWindow(database, job, levels[2], [{ from, to }]),
    straysOf(database, job, window),
  ]);
  return rollups === null ? null : { window, row: rollups.get(0)?.summary() ?? null, strays };
}

async function exact(
  database: DatabaseHandle,
  job: SampledJob,
  asked: Window,
  now: number,
): Promise<Statistics> {
  const window = boundWindow(job, asked, now);
  const [row, strays] = await Promise.all([
    statisticsOf(database, job, window),
    straysOf(database, job, window),
  ]);
  return { window, row, strays };
}

async function statisticsOf(
  database: DatabaseHandle,
  job: SampledJob,
  { from, to }: Window,
): Promise<SummaryRow | null> {
  const hours = await hoursBetween(database.pool, from, to);
  const spans = spansBetween(job.grids, from, to, hours);
  return readStatistics(
    database,
    spans.map((span) => ({ ...span, jobNo: job.jobNo, label: 0 })),
    hours,
  );
}

function straysOf({ pool }: DatabaseHandle, { jobNo }: SampledJob, { from, to }: Window) {
  return countStrays(pool, jobNo, hourOf(from), to);
}

/** `missed` over `success + missed`, in percent to three decimals; null without either. */
export function lossPercent(successCount: number, missedCount: number): number | null {
  const answered = successCount + missedCount;
  return answered === 0 ? null : Math.round((missedCount / answered) * 100_000) / 1_000;
}
