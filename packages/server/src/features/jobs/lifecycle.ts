// What happens to jobs without a person asking: pollers start them, and their time runs out.
import { type RawBuilder, sql } from "kysely";
import { uuidv7 } from "uuidv7";
import type { Db } from "../../platform/db.js";
import type { Grid } from "./grid.js";
import { insertGrids } from "./queries.js";
import { COMPLETION_GRACE_MS, firstGrid } from "./rules.js";

export interface StartedJob {
  readonly jobNo: number;
  readonly id: string;
  readonly grid: Grid;
  readonly startedAt: number;
  readonly endsAt: number | null;
}

/**
 * Starts those of the jobs that are pending: status, times and the first stretch of the grid commit together. Of two
 * pollers that ask for the same job one starts it; the other finds it running and gets nothing back for it.
 */
export function startPendingJobs(db: Db, jobNos: readonly number[], now: number): Promise<StartedJob[]> {
  return db.transaction().execute(async (tx) => {
    const pending = await tx
      .selectFrom("jobs")
      .select(["job_no", "id", "cadence_ms", "duration_seconds"])
      .where("job_no", "=", sql<number>`any(${jobNos}::int[])`)
      .where("status", "=", "pending")
      .orderBy("job_no")
      .forUpdate()
      .execute();
    const started = pending.map((row): StartedJob => {
      const job = { id: row.id, cadenceMs: row.cadence_ms, durationSeconds: row.duration_seconds };
      return { jobNo: row.job_no, id: row.id, ...firstGrid(job, now) };
    });
    if (started.length === 0) return [];
    await sql`
      update jobs set status = 'running',
        started_at = to_timestamp(started.started_at / 1000.0), ends_at = to_timestamp(started.ends_at / 1000.0)
      from unnest(
        ${started.map((job) => job.jobNo)}::int[],
        ${started.map((job) => job.startedAt)}::bigint[],
        ${started.map((job) => job.endsAt)}::bigint[]) as started (job_no, started_at, ends_at)
      where jobs.job_no = started.job_no`.execute(tx);
    await insertGrids(tx, started);
    return started;
  });
}

/**
 * Completes those of the jobs that run and whose last slot has come, which is less than a cadence before their end; the
 * poller calls it when that slot's result is stored.
 * Returns the numbers of the jobs that this call completed. Their grids end by themselves.
 */
export function completeJobs(db: Db, jobNos: readonly number[], now: number): Promise<number[]> {
  return complete(
    db,
    jobNos,
    sql`status = 'running' and ends_at <= ${new Date(now)}::timestamptz + cadence_ms * interval '1 millisecond'`,
    now,
  );
}

/** How many jobs one statement of the backstop completes; it repeats while there are more. */
const OVERDUE_BATCH = 1_000;

/**
 * Completes jobs whose poller did not: those paused, and those whose poller is gone. Waits for the last probe's timeout
 * and the poller's own attempt. A task of the scheduler; served by jobs_ending.
 */
export async function completeOverdueJobs(db: Db, now: number): Promise<number> {
  const overdue = sql<boolean>`status in ('running', 'paused') and ends_at <= ${new Date(now - COMPLETION_GRACE_MS)}
    and ends_at <= ${new Date(now - COMPLETION_GRACE_MS)}::timestamptz
      - coalesce((options ->> 'timeoutMs')::int, 0) * interval '1 millisecond'`;
  let completed = 0;
  for (;;) {
    // Looks before it writes: an update wakes every poller, also one that changes nothing.
    const jobNos = await db.selectFrom("jobs").select("job_no").where(overdue).limit(OVERDUE_BATCH).execute();
    if (jobNos.length === 0) return completed;
    const done = await complete(
      db,
      jobNos.map((row) => row.job_no),
      overdue,
      now,
    );
    completed += done.length;
  }
}

/**
 * Completes those of the jobs for which the condition holds. What follows (M14) commits with it: the summary is due, and
 * once that is stored the email to the requester, unless they do not want any or have left.
 */
async function complete(
  db: Db,
  jobNos: readonly number[],
  condition: RawBuilder<unknown>,
  now: number,
): Promise<number[]> {
  const { rows } = await sql<{ job_no: number }>`
    with completed as (
      update jobs set status = 'completed', completed_at = ${new Date(now)}
      where job_no in (
        select job_no from jobs
        where job_no = any(${jobNos}::int[]) and ${condition}
        order by job_no for update)
      returning job_no, id, organisation_id, requester_id),
    summarised as (insert into job_summaries (id, due_at) select id, now() from completed),
    mailed as (
      insert into mails (id, job_id, kind, recipient)
      select mail.id, completed.id, 'job_completed', users.email
      from completed
      join unnest(${jobNos}::int[], ${jobNos.map(() => uuidv7())}::uuid[]) as mail (job_no, id) using (job_no)
      join users on users.id = completed.requester_id and users.completion_emails
      join memberships using (organisation_id)
      where memberships.user_id = completed.requester_id)
    select job_no from completed`.execute(db);
  return rows.map((row) => row.job_no);
}

/** By then every poller that held a deleted job has long let go of it. */
const DELETED_MEMORY_MS = 86_400_000;

/**
 * Forgets jobs deleted more than a day ago, after `removeTraces` of them; a task of the scheduler. By then nothing that
 * began while they existed is still under way.
 */
export async function forgetDeletedJobs(
  db: Db,
  now: number,
  removeTraces: (jobNos: readonly number[]) => Promise<void>,
): Promise<void> {
  const rows = await db
    .selectFrom("deleted_jobs")
    .select("job_no")
    .where("deleted_at", "<", new Date(now - DELETED_MEMORY_MS))
    .execute();
  const jobNos = rows.map((row) => row.job_no);
  if (jobNos.length === 0) return;
  await removeTraces(jobNos);
  await db
    .deleteFrom("deleted_jobs")
    .where("job_no", "=", sql<number>`any(${jobNos}::int[])`)
    .execute();
}
