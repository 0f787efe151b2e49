import type { JobStatus } from "@nightbell/contract";
import { sql } from "kysely";
import type { Db, Tx } from "../../platform/db.js";
import type { Grid, LocatedGrid } from "./grid.js";
import type { JobRow } from "./row.js";
import type { GridChange } from "./rules.js";

/** Where a trigger notifies whenever jobs change; a wake-up only, without a payload. */
export const JOBS_CHANNEL = "nightbell_jobs";

/** The columns of a job and its requester's name. */
export const jobColumns = [
  "jobs.id",
  "jobs.job_no",
  "jobs.organisation_id",
  "jobs.requester_id",
  "requester.name as requester_name",
  "jobs.key",
  "jobs.managed_by",
  "jobs.title",
  "jobs.type",
  "jobs.target",
  "jobs.options",
  "jobs.cadence_ms",
  "jobs.duration_seconds",
  "jobs.monitoring_mode",
  "jobs.simulation",
  "jobs.locations",
  "jobs.thresholds",
  "jobs.status",
  "jobs.version",
  "jobs.created_at",
  "jobs.updated_at",
  "jobs.started_at",
  "jobs.ends_at",
  "jobs.completed_at",
] as const;

function jobs(db: Db | Tx) {
  return db
    .selectFrom("jobs")
    .leftJoin("users as requester", "requester.id", "jobs.requester_id")
    .select(jobColumns)
    .$castTo<JobRow>();
}

/** In the order of the ids given. Served by the primary key. */
export async function selectJobs(
  db: Db | Tx,
  organisationId: string,
  ids: readonly string[],
): Promise<JobRow[]> {
  const rows = await jobs(db)
    .where("jobs.organisation_id", "=", organisationId)
    .where("jobs.id", "=", sql<string>`any(${ids}::uuid[])`)
    .execute();
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.flatMap((id) => byId.get(id) ?? []);
}

/**
 * Locks the rows until the transaction ends. All who lock several jobs do so in the order of job_no, so that none
 * waits for another in a circle.
 */
export function lockJobs(
  tx: Tx,
  organisationId: string,
  ids: readonly string[],
): Promise<(JobRow & { grid: Grid | null })[]> {
  return jobs(tx)
    .leftJoinLateral(
      (eb) =>
        eb
          .selectFrom("job_grids")
          .select(["from_slot", "to_slot", "job_grids.cadence_ms as grid_cadence_ms", "first_sequence"])
          .whereRef("job_grids.job_no", "=", "jobs.job_no")
          .orderBy("from_slot", "desc")
          .limit(1)
          .as("latest"),
      (join) => join.onTrue(),
    )
    .select(["latest.from_slot", "latest.to_slot", "latest.grid_cadence_ms", "latest.first_sequence"])
    .where("jobs.organisation_id", "=", organisationId)
    .where("jobs.id", "=", sql<string>`any(${ids}::uuid[])`)
    .orderBy("jobs.job_no")
    .forUpdate("jobs")
    .execute()
    .then((rows) => rows.map((row) => ({ ...row, grid: latestGrid(row) })));
}

function latestGrid(row: {
  from_slot: number | null;
  to_slot: number | null;
  grid_cadence_ms: number | null;
  first_sequence: number | null;
}): Grid | null {
  if (row.from_slot === null || row.grid_cadence_ms === null || row.first_sequence === null) return null;
  return {
    fromSlot: row.from_slot,
    toSlot: row.to_slot,
    cadenceMs: row.grid_cadence_ms,
    firstSequence: row.first_sequence,
  };
}

/** Ends, drops and opens stretches of the grids of many jobs with one statement each. Served by the primary key. */
export async function writeGrids(
  tx: Tx,
  changes: readonly { jobNo: number; latest: Grid | null; change: GridChange }[],
): Promise<void> {
  const ended = changes.flatMap(({ jobNo, latest, change: { end } }) =>
    latest === null || end === "keep" ? [] : [{ jobNo, fromSlot: latest.fromSlot, at: end.at }],
  );
  if (ended.length > 0) {
    const jobNos = ended.map(({ jobNo }) => jobNo);
    const at = ended.map((end) => end.at);
    await sql`
      delete from job_grids using unnest(${jobNos}::int[], ${at}::bigint[]) as ended (job_no, at)
      where job_grids.job_no = ended.job_no and from_slot >= ended.at`.execute(tx);
    // The one before the latest may reach beyond the end, when the latest had just opened.
    await sql`
      update job_grids set to_slot = ended.at
      from unnest(${jobNos}::int[], ${ended.map(({ fromSlot }) => fromSlot)}::bigint[], ${at}::bigint[])
        as ended (job_no, from_slot, at)
      where job_grids.job_no = ended.job_no
        and (job_grids.from_slot = ended.from_slot or job_grids.to_slot > ended.at)`.execute(tx);
  }
  await insertGrids(
    tx,
    changes.flatMap(({ jobNo, change: { open } }) => (open === null ? [] : [{ jobNo, grid: open }])),
  );
}

/** From as many locations as the jobs have now. */
export async function insertGrids(tx: Tx, opened: readonly { jobNo: number; grid: Grid }[]): Promise<void> {
  if (opened.length === 0) return;
  await sql`
    insert into job_grids (job_no, from_slot, to_slot, cadence_ms, first_sequence, location_count)
    select opened.*, cardinality(jobs.locations) from unnest(
      ${opened.map(({ jobNo }) => jobNo)}::int[],
      ${opened.map(({ grid }) => grid.fromSlot)}::bigint[],
      ${opened.map(({ grid }) => grid.toSlot)}::bigint[],
      ${opened.map(({ grid }) => grid.cadenceMs)}::int[],
      ${opened.map(({ grid }) => grid.firstSequence)}::bigint[])
      as opened (job_no, from_slot, to_slot, cadence_ms, first_sequence)
    join jobs on jobs.job_no = opened.job_no`.execute(tx);
}

export async function updateStatus(tx: Tx, jobNos: readonly number[], status: JobStatus): Promise<void> {
  await tx
    .updateTable("jobs")
    .set({ status })
    .where("job_no", "=", sql<number>`any(${jobNos}::int[])`)
    .execute();
}

/** Grids go with their jobs; samples leave with their partitions. */
export async function deleteJobs(tx: Tx, jobNos: readonly number[]): Promise<void> {
  await tx
    .deleteFrom("jobs")
    .where("job_no", "=", sql<number>`any(${jobNos}::int[])`)
    .execute();
}

/** The stretches of a job's grid that have slots in [fromMs, toMs), oldest first. Served by the primary key. */
export async function readGrids(
  db: Db | Tx,
  jobNo: number,
  fromMs: number,
  toMs: number,
): Promise<LocatedGrid[]> {
  const rows = await db
    .selectFrom("job_grids")
    .select(["from_slot", "to_slot", "cadence_ms", "first_sequence", "location_count"])
    .where("job_no", "=", jobNo)
    .where("from_slot", "<", Math.ceil(toMs))
    .where((eb) => eb.or([eb("to_slot", "is", null), eb("to_slot", ">", Math.floor(fromMs))]))
    .orderBy("from_slot")
    .execute();
  return rows.map((row) => ({
    fromSlot: row.from_slot,
    toSlot: row.to_slot,
    cadenceMs: row.cadence_ms,
    firstSequence: row.first_sequence,
    locationCount: row.location_count,
  }));
}

/** Ids of the jobs that have one of the keys or that the set made. Served by jobs_by_key and jobs_by_set. */
export async function findAppliedIds(
  db: Db | Tx,
  organisationId: string,
  keys: readonly string[],
  set: string,
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from jobs where organisation_id = ${organisationId} and key = any(${keys}::text[])
    union
    select id from jobs where organisation_id = ${organisationId} and managed_by = ${set}`.execute(db);
  return rows.map((row) => row.id);
}

/** Which of the names are locations of the organisation; for each whether it is its own, rather than shared. */
export async function knownLocations(
  db: Db | Tx,
  organisationId: string,
  names: readonly string[],
): Promise<Map<string, { isOwn: boolean }>> {
  const rows = await db
    .selectFrom("locations")
    .select(["name", "organisation_id"])
    .where((eb) => eb.or([eb("organisation_id", "=", organisationId), eb("organisation_id", "is", null)]))
    .where("name", "=", sql<string>`any(${names}::text[])`)
    // Of a name that is both, the own one counts, and comes last.
    .orderBy("organisation_id", (order) => order.nullsFirst())
    .execute();
  return new Map(rows.map((row) => [row.name, { isOwn: row.organisation_id !== null }]));
}
