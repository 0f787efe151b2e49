// The last samples of many jobs at once, for the sparklines of the job list.
import type { JobRecent } from "@nightbell/contract";
import type { DatabaseHandle } from "../../platform/db.js";
import { countSlots } from "../jobs/index.js";
import { readOutlines } from "./history.js";
import { groupByLabel, type OutlineRow } from "./queries.js";
import type { SampledJob } from "./sampled-job.js";
import { statusCodes, statusName, toMs } from "./sample.js";
import { newestSpans, type Span } from "./slots.js";
import { lossPercent } from "./summary.js";
import { endOfJob, settledEnd } from "./window.js";

const MAX_POINTS = 30;
/** Newest slots whose results may still be on their way, beyond the points; only cadences below 0.1 s would have more. */
const MAX_UNSETTLED = 100;

/** The last samples of each job, in one query. */
export async function readRecent(
  database: DatabaseHandle,
  jobs: readonly SampledJob[],
  now: number,
): Promise<JobRecent[]> {
  const spans = jobs.flatMap((job, label) =>
    recentSpans(job, now).map((span) => ({ ...span, label, jobNo: job.jobNo })),
  );
  const spansOf = groupByLabel(spans);
  const rowsOf = groupByLabel(await readOutlines(database, spans));
  return jobs.map((job, label) => toRecent(job, spansOf.get(label) ?? [], rowsOf.get(label) ?? [], now));
}

/** Oldest first. */
function recentSpans(job: SampledJob, now: number): Span[] {
  const end = endOfJob(job, now);
  const unsettled = countSlots(job.grids, settledEnd(job, now), end);
  const count = MAX_POINTS + Math.min(unsettled, MAX_UNSETTLED);
  return newestSpans(job.grids, 0, end, count, null).spans.toReversed();
}

function toRecent(
  job: SampledJob,
  spans: readonly Span[],
  rows: readonly OutlineRow[],
  now: number,
): JobRecent {
  const worstOfSlot = new Map<number, OutlineRow>();
  for (const row of rows) worstOfSlot.set(row.slot, worse(row, worstOfSlot.get(row.slot)));
  const points = spans
    .flatMap(slotsOf)
    .map((slot) => ({ slot, sample: worstOfSlot.get(slot) ?? null }))
    .filter(({ slot, sample }) => sample !== null || slot < settledEnd(job, now))
    .slice(-MAX_POINTS)
    .map(({ sample }) => sample);
  const count = (status: number) => points.filter((point) => point?.status === status).length;
  const last = points.findLast((point) => point !== null) ?? null;
  return {
    jobId: job.id,
    lastStatus: last === null ? null : statusName(last.status),
    lastRecordedAt: last === null ? null : new Date(last.recorded_at_ms).toISOString(),
    lastRttMs: last === null ? null : toMs(last.rtt_us),
    lossPercent: lossPercent(count(statusCodes.success), count(statusCodes.missed)),
    points: points.map((point) =>
      point === null ? null : { rttMs: toMs(point.rtt_us), status: statusName(point.status) },
    ),
  };
}

function slotsOf({ first, last, step }: Span): number[] {
  return Array.from({ length: (last - first) / step + 1 }, (_, index) => first + index * step);
}

const severity = [0, 2, 1];

/** What a slot shows of several locations: a miss before a fault of ours before a success, then the highest RTT. */
function worse(row: OutlineRow, other: OutlineRow | undefined): OutlineRow {
  if (other === undefined) return row;
  const difference = (severity[row.status] ?? 0) - (severity[other.status] ?? 0);
  return difference > 0 || (difference === 0 && (row.rtt_us ?? 0) > (other.rtt_us ?? 0)) ? row : other;
}
