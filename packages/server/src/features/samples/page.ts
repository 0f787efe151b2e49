// One page of a job's samples, newest first, in the same time at any depth.
import type { Sample, SamplePage } from "@nightbell/contract";
import { z } from "zod";
import type { DatabaseHandle } from "../../platform/db.js";
import { cursorScope, decodeCursor, encodeCursor, pagination } from "../../platform/pagination.js";
import { hoursBetween, type Hours } from "./chunks/hours.js";
import { readSamplesAfter } from "./history.js";
import type { Position, SampleRow } from "./queries.js";
import type { SampledJob } from "./sampled-job.js";
import { statusName, toMs } from "./sample.js";
import { newestSpans } from "./slots.js";
import { countDue, resolveWindow, type WindowQuery } from "./window.js";

/** Between slots that have samples there may be long stretches without: each look goes so much farther than the last. */
const STRIDE_GROWTH = 4;
const MIN_STRIDE = 64;
/** Slots that one request looks up, about 0.1 s. A page may therefore end early, with a cursor to go on from. */
const MAX_SLOTS = 50_000;
/** Clocks of pollers may be ahead of ours by so much. */
const CLOCK_SKEW_MS = 1_000;
const LAST_LOCATION = 32_767;

export interface PageQuery extends WindowQuery {
  limit: number;
  cursor?: string | undefined;
}

/**
 * Reads a page. `totalItems` is what the grid expects, one sample for each slot and location, which is more than
 * there is where slots were not measured: hence always an estimate. A page with a `nextCursor` may hold fewer samples
 * than asked for, even none, when it ends in a long gap.
 */
export async function readPage(
  database: DatabaseHandle,
  job: SampledJob,
  query: PageQuery,
  now: number,
): Promise<SamplePage> {
  const window = resolveWindow(query, { to: now + CLOCK_SKEW_MS, from: () => 0 });
  // A window may reach to the end of time, but there is nothing to look for in the slots of the future.
  const to = Math.max(window.from, Math.min(window.to, now + CLOCK_SKEW_MS));
  const scope = cursorScope("samples", { job: job.id });
  const start = query.cursor === undefined ? before(to) : readCursor(query.cursor, scope, to);
  const { rows, next } = await readNewest(database, job, window.from, start, query.limit);
  return {
    data: rows.map(toSample),
    pagination: pagination(query, {
      total: countDue(job.grids, window.from, Math.min(window.to, now)),
      isEstimate: true,
      hasNextPage: next !== null,
      nextCursor: next === null ? null : encodeCursor(scope, [next.slot, next.locationNo]),
    }),
  };
}

const CursorKeys = z.tuple([z.int(), z.int().min(0).max(LAST_LOCATION)]);

function readCursor(cursor: string, scope: string, to: number): Position {
  const [slot, locationNo] = decodeCursor(cursor, scope, CursorKeys);
  return slot < to ? { slot, locationNo } : before(to);
}

/** Looks up the newest slots after `start`, farther each time, until the page is full. */
async function readNewest(
  database: DatabaseHandle,
  job: SampledJob,
  from: number,
  start: Position,
  limit: number,
): Promise<{ rows: SampleRow[]; next: Position | null }> {
  const rows: SampleRow[] = [];
  // One sample more than asked for tells whether there is a next page.
  let stride = Math.max(Math.ceil((limit + 1) / job.locationCount) + 1, MIN_STRIDE);
  let looked = 0;
  let to: number | null = start.slot + 1;
  let hours: Hours | null = null;
  while (to !== null && rows.length <= limit && looked + stride <= MAX_SLOTS) {
    if (looked > 0) hours ??= await hoursBetween(database.pool, from, to);
    const { spans, leftTo } = newestSpans(job.grids, from, to, stride, hours);
    const labelled = spans.map((span) => ({ ...span, jobNo: job.jobNo, label: 0 }));
    rows.push(...(await readSamplesAfter(database, labelled, start, limit + 1 - rows.length)));
    looked += stride;
    stride *= STRIDE_GROWTH;
    to = leftTo;
  }
  const last = rows[limit - 1];
  if (rows.length > limit && last !== undefined) {
    return { rows: rows.slice(0, limit), next: { slot: last.slot, locationNo: last.location_no } };
  }
  return { rows, next: to === null ? null : before(to) };
}

/** The position before all samples of slots below `to`. */
function before(to: number): Position {
  return { slot: to, locationNo: LAST_LOCATION };
}

export function toSample(row: SampleRow): Sample {
  return {
    sequenceNumber: row.sequence_number,
    scheduledAt: new Date(row.slot).toISOString(),
    recordedAt: row.recorded_at.toISOString(),
    status: statusName(row.status),
    rttMs: toMs(row.rtt_us),
    jitterMs: toMs(row.jitter_us),
    latenessMs: row.lateness_us / 1_000,
    errorCode: row.error_code,
    error: row.error,
    phases: row.phases,
    location: row.location,
  };
}
