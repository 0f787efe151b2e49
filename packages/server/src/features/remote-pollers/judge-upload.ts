// Which of the samples that a remote poller sends are to be stored. Pure.
//
// A token proves who sends, not that what is sent is true: a sample counts only for a job of the token's organisation that
// is measured at the token's location, and only for a slot of that job's grids that is neither long gone nor still to
// come. Location and sequence number are not taken from the poller at all.
import { statusOfError, UploadedSample, type UploadedStrays, type UploadRefusal } from "@nightbell/contract";
import { type Grid, sequenceOf } from "../jobs/index.js";
import { type Batch, type SampleRecord, type StrayCount, statusCodes } from "../samples/index.js";

/** As long as a server may be away; each older hour that gets a sample is packed and summed up anew for everybody. */
export const MAX_AGE_MS = 7 * 86_400_000;
/** How far a poller's clock may be ahead. */
export const MAX_AHEAD_MS = 10_000;
const HOUR_MS = 3_600_000;

export interface Refused {
  readonly index: number;
  readonly reason: UploadRefusal;
}

/** Numbers and nulls, then texts and nulls, then an object or null; zod takes ten times as long to say what is wrong. */
const NUMBERS = 7;
const TEXTS = 2;
const COLUMNS = NUMBERS + TEXTS + 1;

export interface Judgement {
  readonly batch: Batch;
  /** Where in the upload each sample of the batch stood. */
  readonly indexes: ReadonlyMap<SampleRecord | StrayCount[], number>;
  readonly refused: Refused[];
}

/** The jobs that samples and stray replies name, unchecked. */
export function jobNosOf(samples: readonly unknown[], strays: readonly UploadedStrays[]): number[] {
  const named = samples.map((row) => (Array.isArray(row) ? (row[1] as unknown) : null));
  const numbers = new Set<number>(strays.map(([, jobNo]) => jobNo));
  for (const jobNo of named) if (isJobNo(jobNo)) numbers.add(jobNo);
  return [...numbers];
}

function isJobNo(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 2_147_483_647;
}

/** `grids`: of the jobs that the poller may report about. */
export function judgeUpload(
  upload: { readonly samples: readonly unknown[]; readonly strays: readonly UploadedStrays[] },
  grids: ReadonlyMap<number, readonly Grid[]>,
  locationNo: number,
  now: number,
): Judgement {
  const batch: Batch = { samples: [], strays: [] };
  const indexes = new Map<SampleRecord | StrayCount[], number>();
  const refused: Refused[] = [];
  for (const [index, row] of upload.samples.entries()) {
    const sample = judge(row, grids, locationNo, now);
    if (typeof sample === "string") {
      refused.push({ index, reason: sample });
    } else {
      batch.samples.push(sample);
      indexes.set(sample, index);
    }
  }
  for (const [hourSlot, jobNo, duplicates, late] of upload.strays) {
    const isTimely =
      hourSlot % HOUR_MS === 0 && hourSlot > now - MAX_AGE_MS && hourSlot <= now + MAX_AHEAD_MS;
    if (isTimely && grids.has(jobNo)) batch.strays.push({ hourSlot, jobNo, locationNo, duplicates, late });
  }
  return { batch, indexes, refused };
}

function judge(
  row: unknown,
  grids: ReadonlyMap<number, readonly Grid[]>,
  locationNo: number,
  now: number,
): SampleRecord | UploadRefusal {
  if (!hasTypesOfSample(row)) return "malformed";
  const parsed = UploadedSample.safeParse(row);
  if (!parsed.success) return "malformed";
  const [slot, jobNo, status, rttUs, jitterUs, latenessUs, recordedAtMs, errorCode, error, phases] =
    parsed.data;
  if (status !== statusCodes[errorCode === null ? "success" : statusOfError(errorCode)]) return "malformed";
  const ofJob = grids.get(jobNo);
  if (ofJob === undefined) return "not_yours";
  if (slot < now - MAX_AGE_MS) return "too_old";
  if (slot > now + MAX_AHEAD_MS) return "in_the_future";
  const grid = ofJob.find(({ fromSlot, toSlot }) => fromSlot <= slot && (toSlot === null || slot < toSlot));
  if (grid === undefined || (slot - grid.fromSlot) % grid.cadenceMs !== 0) return "off_grid";
  return {
    slot,
    jobNo,
    locationNo,
    status,
    rttUs,
    jitterUs,
    latenessUs,
    sequenceNumber: sequenceOf(grid, slot),
    recordedAtMs: Math.min(recordedAtMs, now),
    errorCode,
    error,
    phases,
  };
}

/** A cheap look at what a poller in order never gets wrong, so that nonsense costs little. */
function hasTypesOfSample(row: unknown): boolean {
  return (
    Array.isArray(row) &&
    row.length === COLUMNS &&
    row.every((value: unknown, index) => value === null || typeof value === typeOfColumn(index))
  );
}

function typeOfColumn(index: number): "number" | "string" | "object" {
  if (index < NUMBERS) return "number";
  return index < NUMBERS + TEXTS ? "string" : "object";
}
