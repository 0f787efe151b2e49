// Alerts whose situation changes without a sample: a maintenance window begins or ends, a parent goes down or comes back,
// a job stops, a rule is switched off. A task of the scheduler looks for them and has them decided anew.
import { sql } from "kysely";
import type { DatabaseHandle, Db, Tx } from "../../platform/db.js";
import { activeWindows, applyDecisions, MAX_PAIRS } from "./apply.js";
import { resolutionTexts } from "./sentences.js";
import { DOWN_KINDS, enabledWindows, type Pair, type WindowRow } from "./situations.js";

export async function settleAlerts({ db, pool }: DatabaseHandle, now: number): Promise<void> {
  await resolveDeletedJobs(db, now);
  const windows = activeWindows(await enabledWindows(db, null), now);
  for (;;) {
    const pairs = await unsettledPairs(db, windows);
    const questions = pairs.map((pair) => ({ ...pair, ruleVersion: null, statements: [] }));
    if (questions.length > 0) await applyDecisions(pool, questions, now);
    if (questions.length < MAX_PAIRS) return;
  }
}

/** Resolves alerts of rules that are about to be deleted or to become others, and forgets what was known for them. */
export async function resolveOfRule(
  tx: Tx,
  ruleId: string,
  resolution: "rule_deleted" | "rule_changed",
  now: number,
): Promise<void> {
  // In the order of those who decide: conditions first, then alerts.
  await sql`
    select from alert_conditions where rule_id = ${ruleId} order by job_no for update`.execute(tx);
  await sql`
    with resolved as (
      update alerts set status = 'resolved', resolution = ${resolution}, resolved_at = ${new Date(now)}, suppression = null
      where rule_id = ${ruleId} and status <> 'resolved' returning id
    )
    insert into alert_events (alert_id, at, kind, text)
    select id, ${new Date(now)}, 'resolved', ${resolutionTexts[resolution]} from resolved`.execute(tx);
  await tx.deleteFrom("alert_conditions").where("rule_id", "=", ruleId).execute();
}

/** What was known of deleted jobs went with them, so there is nothing to decide. By alerts_unresolved_by_job_no. */
async function resolveDeletedJobs(db: Db, now: number): Promise<void> {
  await sql`
    with resolved as (
      update alerts set status = 'resolved', resolution = 'job_deleted', resolved_at = ${new Date(now)}, suppression = null
      where status <> 'resolved' and job_no is not null and job_id is null returning id
    )
    insert into alert_events (alert_id, at, kind, text)
    select id, ${new Date(now)}, 'resolved', ${resolutionTexts.job_deleted} from resolved`.execute(db);
}

/**
 * Some of the unresolved alerts whose status is not what their situation asks for. By alerts_unresolved and the primary
 * keys; `offset 0` keeps Postgres from reading all jobs instead, once a second, when many alerts are not resolved.
 */
async function unsettledPairs(db: Db, windows: readonly WindowRow[]): Promise<Pair[]> {
  const active = JSON.stringify(
    windows.map(({ organisation_id, selector }) => ({ organisation_id, selector })),
  );
  const { rows } = await sql<Pair>`
    with active as (
      select organisation_id, selector from jsonb_to_recordset(${active}::jsonb)
        as active (organisation_id uuid, selector jsonb)
    )
    select alert.rule_id as "ruleId", alert.job_no as "jobNo" from alerts as alert
    cross join lateral (select id, status, type from jobs where id = alert.job_id offset 0) as job
    join alert_rules as rule on rule.id = alert.rule_id
    where alert.status <> 'resolved' and (
      job.status <> 'running' or not rule.is_enabled or not (${isSelected(sql.ref("rule.selector"))})
      or (alert.status = 'suppressed') <> (
        exists (
          select from active where active.organisation_id = alert.organisation_id
            and (${isSelected(sql.ref("active.selector"))}))
        or exists (
          with recursive above as (
            select parent_no from job_parents where job_parents.job_no = alert.job_no
            union
            select higher.parent_no from above join job_parents as higher on higher.job_no = above.parent_no
          )
          select from above join alerts as parent on parent.job_no = above.parent_no
          where parent.status <> 'resolved' and parent.kind = any(${DOWN_KINDS}::text[]))))
    limit ${MAX_PAIRS}`.execute(db);
  return rows;
}

/** `selects` of maintenance.ts, for the job of the row. */
function isSelected(selector: ReturnType<typeof sql.ref>) {
  return sql`${selector} ->> 'kind' = 'all' or ${selector} ->> 'type' = job.type
    or coalesce(${selector} -> 'jobIds' ? job.id::text, false)`;
}
