// A sample on its way from the probe to the database, and the units it is kept in.
import type { ErrorCode, Phases, SampleStatus } from "@nightbell/contract";

export const statusCodes = { success: 0, missed: 1, system_error: 2 } as const satisfies Record<
  SampleStatus,
  number
>;

export type StatusCode = (typeof statusCodes)[SampleStatus];

const statusNames: readonly SampleStatus[] = ["success", "missed", "system_error"];

/** The status that a stored code stands for. */
export function statusName(code: number): SampleStatus {
  const name = statusNames[code];
  if (name === undefined) throw new Error(`no sample status has the code ${code}`);
  return name;
}

/** Microseconds, as they are kept, to the milliseconds of the API; fractions of a microsecond are rounded away. */
export function toMs(microseconds: number): number;
export function toMs(microseconds: number | null): number | null;
export function toMs(microseconds: number | null): number | null {
  return microseconds === null ? null : Math.round(microseconds) / 1_000;
}

/** The result of one slot of one job at one location; (slot, jobNo, locationNo) is its identity. */
export interface SampleRecord {
  /** Scheduled time, milliseconds since the epoch. */
  slot: number;
  jobNo: number;
  locationNo: number;
  status: StatusCode;
  /** Whole microseconds; null without an answer. */
  rttUs: number | null;
  /** Absolute difference to the previous successful RTT of the job at the location (M4), whole microseconds. */
  jitterUs: number | null;
  /** How long after its slot the probe began, whole microseconds. */
  latenessUs: number;
  sequenceNumber: number;
  recordedAtMs: number;
  errorCode: ErrorCode | null;
  error: string | null;
  phases: Phases | null;
}

/** A reply that belongs to no sample's result (M4). */
export type StrayKind = "duplicate" | "late";

/** Stray replies of one job at one location in one hour. */
export interface StrayCount {
  hourSlot: number;
  jobNo: number;
  locationNo: number;
  duplicates: number;
  late: number;
}

/** What one write stores. */
export interface Batch {
  samples: SampleRecord[];
  strays: StrayCount[];
}

export const HOUR_MS = 3_600_000;
