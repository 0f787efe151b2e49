// Recorded samples once more, for those who evaluate them: the newest of many jobs, or all of a job in a window.
import { setTimeout as delay } from "node:timers/promises";
import type { DatabaseHandle } from "../../platform/db.js";
import { countSlots, type Grid } from "../jobs/index.js";
import { hoursBetween } from "./chunks/hours.js";
import { readEvaluated } from "./history.js";
import { groupByLabel, newestGrids, type EvaluatedRow, type LabelledSpan } from "./queries.js";
import type { SampleRecord, StatusCode } from "./sample.js";
import { newestSpans, spansBetween, startOfNewest } from "./slots.js";

/** A sample as far as it is read for evaluation; of its phases only what is no duration. */
export type ReplayedSample = Pick<
  SampleRecord,
  "slot" | "locationNo" | "sequenceNumber" | "status" | "rttUs" | "jitterUs" | "phases"
>;

/** The newest samples of a job: at least so many slots, and at least as far back as a time. */
export interface ReplayRequest {
  jobNo: number;
  slots: number;
  sinceMs: number;
}

/** Slots of one job at most: half an hour at a cadence of a second. */
const MAX_SLOTS = 2_000;
/** The newest slots may have no results yet; so many more are read. */
const UNSETTLED_SLOTS = 3;
/** Slots looked up at once: some milliseconds of parsing, so that no probe waits behind it. */
const SLOTS_AT_ONCE = 2_000;
/** Between two reads, in multiples of the time that one took: this is never more urgent than measuring. */
const PAUSE_FACTOR = 0.5;
const NEWEST_GRIDS = 20;
/** Clocks of pollers may be ahead of ours by so much. */
const CLOCK_SKEW_MS = 1_000;

/** The newest samples of each job, oldest first, some jobs at a time; a job without samples comes with none. */
export async function* replayNewest(
  database: DatabaseHandle,
  requests: readonly ReplayRequest[],
  now: number,
): AsyncGenerator<Map<number, ReplayedSample[]>> {
  const grids = await newestGrids(
    database.pool,
    requests.map(({ jobNo }) => jobNo),
    NEWEST_GRIDS,
  );
  let group: ReplayRequest[] = [];
  let spans: LabelledSpan[] = [];
  let slots = 0;
  for (const [index, request] of requests.entries()) {
    const ofJob = requestedSpans(request, grids.get(request.jobNo) ?? [], now);
    group.push(request);
    spans.push(...ofJob);
    slots += ofJob.reduce((sum, { first, last, step }) => sum + (last - first) / step + 1, 0);
    if (slots < SLOTS_AT_ONCE && index < requests.length - 1) continue;
    const startedAt = performance.now();
    const rows = groupByLabel(await readEvaluated(database, spans));
    yield new Map(group.map(({ jobNo }) => [jobNo, (rows.get(jobNo) ?? []).map(toReplayed)]));
    await delay((performance.now() - startedAt) * PAUSE_FACTOR);
    [group, spans, slots] = [[], [], 0];
  }
}

function requestedSpans(
  { jobNo, slots, sinceMs }: ReplayRequest,
  grids: readonly Grid[],
  now: number,
): LabelledSpan[] {
  const to = now + CLOCK_SKEW_MS;
  const count = Math.min(Math.max(slots + UNSETTLED_SLOTS, countSlots(grids, sinceMs, to)), MAX_SLOTS);
  return newestSpans(grids, 0, to, count, null).spans.map((span) => ({ ...span, jobNo, label: jobNo }));
}

/**
 * The samples of a job in the newest part of [from, to) that has at most `maxSlots` slots: where that begins, and the
 * samples, oldest first, some thousands at a time.
 */
export function replayBetween(
  database: DatabaseHandle,
  { jobNo, grids }: { jobNo: number; grids: readonly Grid[] },
  window: { from: number; to: number },
  maxSlots: number,
): { from: number; samples: AsyncGenerator<ReplayedSample[]> } {
  const from = startOfNewest(grids, window.from, window.to, maxSlots);
  return { from, samples: replaySpans(database, jobNo, grids, from, window.to) };
}

async function* replaySpans(
  database: DatabaseHandle,
  jobNo: number,
  grids: readonly Grid[],
  from: number,
  to: number,
): AsyncGenerator<ReplayedSample[]> {
  const hours = await hoursBetween(database.pool, from, to);
  let spans: LabelledSpan[] = [];
  let slots = 0;
  for (const span of spansBetween(grids, from, to, hours)) {
    spans.push({ ...span, jobNo, label: jobNo });
    slots += (span.last - span.first) / span.step + 1;
    if (slots < SLOTS_AT_ONCE) continue;
    yield (await readEvaluated(database, spans)).map(toReplayed);
    [spans, slots] = [[], 0];
  }
  if (spans.length > 0) yield (await readEvaluated(database, spans)).map(toReplayed);
}

function toReplayed(row: EvaluatedRow): ReplayedSample {
  const { certificate_days_left: certificateDaysLeft } = row;
  return {
    slot: row.slot,
    locationNo: row.location_no,
    sequenceNumber: row.sequence_number,
    status: row.status as StatusCode,
    rttUs: row.rtt_us,
    jitterUs: row.jitter_us,
    phases: certificateDaysLeft === null ? null : { certificateDaysLeft },
  };
}
