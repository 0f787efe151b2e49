// What evaluators read about jobs.
import { sql } from "kysely";
import type { Db } from "../../platform/db.js";
import type { WatchedJob } from "./rule-book.js";

/** What the contract fills in where a job's options do not say. */
const DEFAULT_TIMEOUT_MS = 5_000;
/**
 * Beyond the timeout: a probe may wait for its place as long as for its answer, and start a little late; a miss is held
 * back for up to two seconds, until the poller knows whether it was online.
 */
const SLACK_MS = 3_000;

/** By jobs_job_no_key; jobs that are gone are left out. */
export async function watchedJobs(db: Db, jobNos: readonly number[]): Promise<Map<number, WatchedJob>> {
  const { rows } = await sql<WatchedJob & { job_no: number }>`
    select job_no, id, organisation_id as "organisationId", type,
      2 * coalesce((options ->> 'timeoutMs')::integer, ${DEFAULT_TIMEOUT_MS}) + ${SLACK_MS} as "patienceMs"
    from jobs where job_no = any(${jobNos}::integer[])`.execute(db);
  return new Map(rows.map(({ job_no, ...job }) => [job_no, job]));
}

export function stateKey(ruleId: string, jobNo: number, locationNo: number): string {
  return `${ruleId} ${jobNo} ${locationNo}`;
}

/** The keys of what is known to be bad: of some jobs, by alert_conditions_by_job, or of all. */
export async function badStates(db: Db, jobNos: readonly number[] | null): Promise<Set<string>> {
  const { rows } = await sql<{ rule_id: string; job_no: number; location_no: number }>`
    select rule_id, job_no, (location -> 'locationNo')::integer as location_no
    from alert_conditions, jsonb_array_elements(locations) as location
    where (${jobNos}::integer[] is null or job_no = any(${jobNos}::integer[]))
      and (location -> 'isBad')::boolean`.execute(db);
  return new Set(rows.map((row) => stateKey(row.rule_id, row.job_no, row.location_no)));
}
