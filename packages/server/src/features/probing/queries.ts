// What a poller reads about its jobs.
import { type RawBuilder, sql } from "kysely";
import type { Db } from "../../platform/db.js";
import { isInShare, type Place, type Share } from "../pollers/index.js";

/** Jobs are compared by groups: `job_no mod GROUPS`. */
const GROUPS = 256;

export interface JobRevision {
  jobNo: number;
  revision: number;
}

/** Which transactions have committed by now; whatever others change comes after it. */
export async function currentSnapshot(db: Db): Promise<string> {
  const { rows } = await sql<{ snapshot: string }>`
    select pg_current_snapshot()::text as snapshot`.execute(db);
  return rows[0]?.snapshot ?? "1:1:";
}

/**
 * Rows changed since a snapshot. The index finds what is not older than all that was in flight then; a transaction that
 * takes minutes, a build of rollups, must not have all that is told again and again.
 */
export function changedSince(snapshot: string): RawBuilder<boolean> {
  return sql`(changed_xid >= pg_snapshot_xmin(${snapshot}::pg_snapshot)
    and not pg_visible_in_snapshot(changed_xid, ${snapshot}::pg_snapshot))`;
}

export interface JobChange extends JobRevision {
  /** `none`: not (or no longer) a job this poller measures. */
  duty: "start" | "measure" | "none";
}

/** Jobs that changed since a snapshot, by jobs_by_change. */
export async function changedJobs(db: Db, share: Share, snapshot: string): Promise<JobChange[]> {
  const { rows } = await sql<JobChange>`
    select job_no as "jobNo", changed_xid::text::bigint as revision,
      case when not (${isInShare(share)}) then 'none'
           when status = 'pending' then 'start' when status = 'running' then 'measure' else 'none' end as duty
    from jobs where ${changedSince(snapshot)} and ${isConcerned(share)}`.execute(db);
  return rows;
}

/** By deleted_jobs_by_change. */
export async function deletedJobs(db: Db, place: Place, snapshot: string): Promise<number[]> {
  const { rows } = await sql<{ job_no: number }>`
    select job_no from deleted_jobs where ${changedSince(snapshot)} and ${isConcerned(place)}`.execute(db);
  return rows.map((row) => row.job_no);
}

/** Whether a row is of an organisation whose jobs may be measured at the place. */
function isConcerned({ organisationId }: Place) {
  return organisationId === null ? sql<boolean>`true` : sql<boolean>`organisation_id = ${organisationId}`;
}

export interface GroupDigest {
  group: number;
  digest: number;
}

/**
 * A digest of each group's running jobs, and the jobs that wait for their start: all that a full comparison needs, at
 * 256 rows for any number of jobs. Reads the table from end to end, some 40 ms at 100,000 jobs.
 */
export async function jobDigests(
  db: Db,
  share: Share,
): Promise<{ digests: Map<number, number>; pending: number[] }> {
  const { rows } = await sql<GroupDigest & { pending: number[] | null }>`
    select job_no % ${sql.lit(GROUPS)} as "group",
      coalesce(sum((job_no * 1000003::bigint + changed_xid::text::bigint) % 2147483647)
        filter (where status = 'running'), 0)::bigint as digest,
      array_agg(job_no) filter (where status = 'pending') as pending
    from jobs where status in ('pending', 'running') and ${isInShare(share)}
    group by 1`.execute(db);
  return {
    digests: new Map(rows.map(({ group, digest }) => [group, digest])),
    pending: rows.flatMap(({ pending }) => pending ?? []),
  };
}

export function groupOf(jobNo: number): number {
  return jobNo % GROUPS;
}

/** What a job adds to its group's digest; the same arithmetic as in `jobDigests`, exact below 2^53. */
export function digestOf({ jobNo, revision }: JobRevision): number {
  return (jobNo * 1_000_003 + revision) % 2_147_483_647;
}

/** Running jobs of some groups. */
export async function runningJobs(db: Db, share: Share, groups: readonly number[]): Promise<JobRevision[]> {
  const { rows } = await sql<JobRevision>`
    select job_no as "jobNo", changed_xid::text::bigint as revision from jobs
    where status = 'running' and ${isInShare(share)} and job_no % ${sql.lit(GROUPS)} = any(${groups}::int[])`.execute(
    db,
  );
  return rows;
}

export interface JobRow extends JobRevision {
  id: string;
  type: string;
  target: string;
  /** JSON text, so that equal options can be shared without parsing each. */
  options: string;
  simulation: string | null;
  endsAt: number | null;
  grids: { fromSlot: number; toSlot: number | null; cadenceMs: number; firstSequence: number }[];
}

/** Running jobs with those of their grids that reach beyond `now`, by jobs_job_no_key and job_grids_pkey. */
export async function readJobs(
  db: Db,
  share: Share,
  jobNos: readonly number[],
  now: number,
): Promise<JobRow[]> {
  const { rows } = await sql<JobRow>`
    select id, job_no as "jobNo", changed_xid::text::bigint as revision, type, target, options::text as options,
      case when monitoring_mode = 'simulated' then simulation::text end as simulation,
      round(extract(epoch from ends_at) * 1000)::bigint as "endsAt",
      coalesce((
        select json_agg(json_build_object('fromSlot', from_slot, 'toSlot', to_slot, 'cadenceMs', job_grids.cadence_ms,
          'firstSequence', first_sequence) order by from_slot)
        from job_grids where job_grids.job_no = jobs.job_no and (to_slot is null or to_slot > ${now})), '[]') as grids
    from jobs where job_no = any(${jobNos}::int[]) and status = 'running' and ${isInShare(share)}`.execute(
    db,
  );
  return rows;
}
