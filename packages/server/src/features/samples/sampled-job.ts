// Jobs as reads of their samples need them.
import type { DatabaseHandle } from "../../platform/db.js";
import { findJob, type JobRow, type LocatedGrid, readGrids, selectJobs } from "../jobs/index.js";
import { newestGrids } from "./queries.js";

export interface SampledJob {
  id: string;
  jobNo: number;
  /** Oldest first. */
  grids: readonly LocatedGrid[];
  /** How many measure it now. */
  locationCount: number;
  /** A probe's timeout. */
  timeoutMs: number;
}

/** What the contract fills in where a job's options do not say. */
const DEFAULT_TIMEOUT_MS = 5_000;
/** Enough grids for the last samples of a job, unless it was changed over and over within a few slots. */
const NEWEST_GRIDS = 50;

/** A job of the organisation, with its grids since `from`; throws `not_found` for everybody else's. */
export async function findSampledJob(
  { db }: DatabaseHandle,
  organisationId: string,
  id: string,
  from = 0,
): Promise<SampledJob> {
  const row = await findJob(db, organisationId, id);
  return sampledJob(row, await readGrids(db, row.job_no, from, Number.MAX_SAFE_INTEGER));
}

/** Those of the jobs that are the organisation's, each with its newest grids. */
export async function findSampledJobs(
  database: DatabaseHandle,
  organisationId: string,
  ids: readonly string[],
): Promise<SampledJob[]> {
  return withNewestGrids(database, await selectJobs(database.db, organisationId, ids));
}

export async function withNewestGrids(
  { pool }: DatabaseHandle,
  rows: readonly JobRow[],
): Promise<SampledJob[]> {
  const grids = await newestGrids(
    pool,
    rows.map((row) => row.job_no),
    NEWEST_GRIDS,
  );
  return rows.map((row) => sampledJob(row, grids.get(row.job_no) ?? []));
}

export function sampledJob(
  row: Pick<JobRow, "id" | "job_no" | "options" | "locations">,
  grids: readonly LocatedGrid[],
): SampledJob {
  const { timeoutMs } = row.options;
  return {
    id: row.id,
    jobNo: row.job_no,
    grids,
    locationCount: row.locations.length,
    timeoutMs: typeof timeoutMs === "number" ? timeoutMs : DEFAULT_TIMEOUT_MS,
  };
}
