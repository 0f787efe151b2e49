// What the server looks up for remote pollers; every query is bound to the organisation and the location of the token.
import { sql } from "kysely";
import type { Db } from "../../platform/db.js";
import type { Grid } from "../jobs/index.js";
import { isMeasuredAt, type Place } from "../pollers/index.js";
import { changedSince } from "../probing/index.js";

/**
 * Of those of the jobs that are measured at the place, the grids that have slots in [from, to]. By jobs_job_no_key and
 * job_grids_pkey.
 */
export async function gridsOf(
  db: Db,
  place: Place,
  jobNos: readonly number[],
  { from, to }: { from: number; to: number },
): Promise<Map<number, Grid[]>> {
  const { rows } = await sql<{ jobNo: number; grids: Grid[] }>`
    select job_no as "jobNo", coalesce((
      select json_agg(json_build_object('fromSlot', from_slot, 'toSlot', to_slot, 'cadenceMs', job_grids.cadence_ms,
        'firstSequence', first_sequence))
      from job_grids where job_grids.job_no = jobs.job_no
        and from_slot <= ${to} and (to_slot is null or to_slot > ${from})), '[]') as grids
    from jobs where job_no = any(${jobNos}::int[]) and ${isMeasuredAt(place)}`.execute(db);
  return new Map(rows.map(({ jobNo, grids }) => [jobNo, grids]));
}

/** Those of the jobs that are measured at the place. */
export async function jobsAt(db: Db, place: Place, jobNos: readonly number[]): Promise<number[]> {
  const { rows } = await sql<{ job_no: number }>`
    select job_no from jobs where job_no = any(${jobNos}::int[]) and ${isMeasuredAt(place)}`.execute(db);
  return rows.map((row) => row.job_no);
}

/** Organisations whose jobs changed since a snapshot, by jobs_by_change and deleted_jobs_by_change. */
export async function changedOrganisations(db: Db, snapshot: string): Promise<string[]> {
  const { rows } = await sql<{ organisation_id: string }>`
    select organisation_id from jobs where ${changedSince(snapshot)}
    union
    select organisation_id from deleted_jobs
    where ${changedSince(snapshot)} and organisation_id is not null`.execute(db);
  return rows.map((row) => row.organisation_id);
}

/** Those of the locations at which evidence waits to be taken. By alert_evidence_due. */
export async function locationsWithEvidence(db: Db, locationNos: readonly number[]): Promise<Set<number>> {
  const { rows } = await sql<{ location_no: number }>`
    select distinct location_no from alert_evidence
    where location_no = any(${locationNos}::smallint[]) and due_at is not null and lease_until is null`.execute(
    db,
  );
  return new Set(rows.map((row) => row.location_no));
}
