// The SQL of decisions: locking what is decided about, reading the situation, writing what became of it. All of it for
// many pairs of a rule and a job at once, inside the transaction of `apply.ts`.
import type {
  AlertCondition,
  AlertEvent,
  AlertKind,
  AlertLocation,
  AlertResolution,
  AlertSeverity,
  AlertStatus,
  AlertSuppression,
  JobSelector,
  JobStatus,
  MaintenanceSchedule,
} from "@nightbell/contract";
import { sql } from "kysely";
import type { Db, Tx } from "../../platform/db.js";
import type { LocationCondition } from "./decide.js";

export interface Pair {
  readonly ruleId: string;
  readonly jobNo: number;
}

/** Alerts of these kinds say that the target is down. */
export const DOWN_KINDS: readonly AlertKind[] = ["missed", "loss"];

/**
 * Makes the rows of `alert_conditions` that are missing, and locks all of them. Everybody locks rules, jobs, conditions and
 * alerts in this order, and each of these in its own, so that none waits for another in a circle. Pairs whose rule or job
 * is gone have no row.
 */
export async function lockPairs(tx: Tx, pairs: readonly Pair[]): Promise<void> {
  await sql`
    select from alert_rules where id = any(${pairs.map((pair) => pair.ruleId)}::uuid[])
    order by id for key share`.execute(tx);
  await sql`
    select from jobs where job_no = any(${pairs.map((pair) => pair.jobNo)}::integer[])
    order by job_no for key share`.execute(tx);
  const wanted = sql`unnest(${pairs.map((pair) => pair.ruleId)}::uuid[], ${pairs.map((pair) => pair.jobNo)}::integer[])
    as wanted (rule_id, job_no)`;
  await sql`
    insert into alert_conditions (rule_id, job_no)
    select rule_id, job_no from ${wanted}
    join alert_rules on alert_rules.id = rule_id join jobs using (job_no)
    order by rule_id, job_no
    on conflict do nothing`.execute(tx);
  await sql`
    select from ${wanted} join alert_conditions using (rule_id, job_no)
    order by rule_id, job_no for update of alert_conditions`.execute(tx);
}

export interface SituationRow {
  rule_id: string;
  job_no: number;
  conditions: LocationCondition[];
  organisation_id: string;
  rule_name: string;
  rule_version: number;
  selector: JobSelector;
  condition: AlertCondition;
  quorum: number | null;
  severity: AlertSeverity;
  is_enabled: boolean;
  job_id: string;
  job_title: string;
  job_type: string;
  job_status: JobStatus;
  location_count: number;
  /** The job's locations: names by number. */
  locations: Record<string, string>;
  alert_id: string | null;
  alert_status: Exclude<AlertStatus, "resolved"> | null;
}

/** The pairs that are locked, by the primary keys and alerts_unresolved. */
export async function readSituations(tx: Tx, pairs: readonly Pair[]): Promise<SituationRow[]> {
  const { rows } = await sql<SituationRow>`
    select wanted.rule_id, wanted.job_no, conditions.locations as conditions, rule.organisation_id, rule.name as rule_name,
      rule.version as rule_version, rule.selector, rule.condition, rule.quorum, rule.severity, rule.is_enabled,
      job.id as job_id, job.title as job_title, job.type as job_type, job.status as job_status,
      cardinality(job.locations) as location_count,
      (select coalesce(json_object_agg(location_no, name), '{}') from locations
       where name = any(job.locations)
         and (locations.organisation_id is null or locations.organisation_id = job.organisation_id)) as locations,
      alert.id as alert_id, alert.status as alert_status
    from unnest(${pairs.map((pair) => pair.ruleId)}::uuid[], ${pairs.map((pair) => pair.jobNo)}::integer[])
      as wanted (rule_id, job_no)
    join alert_conditions as conditions using (rule_id, job_no)
    join alert_rules as rule on rule.id = wanted.rule_id
    join jobs as job on job.job_no = wanted.job_no
    left join alerts as alert
      on alert.rule_id = wanted.rule_id and alert.job_no = wanted.job_no and alert.status <> 'resolved'`.execute(
    tx,
  );
  return rows;
}

/**
 * For each of the jobs that stands below one that is down, the nearest such ancestor or any other: its own alert may be
 * suppressed. By job_parents' primary key and alerts_unresolved_by_job_no.
 */
export async function downParents(tx: Tx, jobNos: readonly number[]): Promise<Map<number, AlertSuppression>> {
  const { rows } = await sql<{ job_no: number; id: string; title: string }>`
    with recursive above as (
      select job_no, parent_no from job_parents where job_no = any(${jobNos}::integer[])
      union
      select above.job_no, higher.parent_no from above
      join job_parents as higher on higher.job_no = above.parent_no
    )
    select distinct on (above.job_no) above.job_no, parent.id, parent.title from above
    join jobs as parent on parent.job_no = above.parent_no
    where exists (
      select from alerts where alerts.job_no = above.parent_no and status <> 'resolved'
        and kind = any(${DOWN_KINDS}::text[]))
    order by above.job_no, parent.id`.execute(tx);
  return new Map(rows.map(({ job_no, id, title }) => [job_no, { kind: "parent", id, name: title }]));
}

export interface WindowRow {
  id: string;
  organisation_id: string;
  name: string;
  selector: JobSelector;
  schedule: MaintenanceSchedule;
}

/** The windows of some organisations that are switched on, of all of them without a list. */
export async function enabledWindows(
  db: Db | Tx,
  organisationIds: readonly string[] | null,
): Promise<WindowRow[]> {
  let query = db
    .selectFrom("maintenance_windows")
    .select(["id", "organisation_id", "name", "selector", "schedule"])
    .where("is_enabled", "=", true);
  if (organisationIds !== null) {
    query = query.where("organisation_id", "=", sql<string>`any(${organisationIds}::uuid[])`);
  }
  return query.execute();
}

export interface NewAlert {
  id: string;
  situation: SituationRow;
  status: AlertStatus;
  title: string;
  locations: AlertLocation[];
  suppression: AlertSuppression | null;
  startedAt: Date;
}

export async function insertAlerts(tx: Tx, alerts: readonly NewAlert[], now: Date): Promise<void> {
  if (alerts.length === 0) return;
  await tx
    .insertInto("alerts")
    .values(
      alerts.map(({ situation, ...alert }) => ({
        id: alert.id,
        organisation_id: situation.organisation_id,
        kind: situation.condition.kind,
        status: alert.status,
        severity: situation.severity,
        title: alert.title,
        rule_id: situation.rule_id,
        rule_name: situation.rule_name,
        job_id: situation.job_id,
        job_no: situation.job_no,
        job_title: situation.job_title,
        locations: JSON.stringify(alert.locations),
        suppression: alert.suppression === null ? null : JSON.stringify(alert.suppression),
        started_at: alert.startedAt,
        opened_at: now,
      })),
    )
    .execute();
}

export interface AlertChange {
  id: string;
  status: AlertStatus;
  resolution: AlertResolution | null;
  locations: AlertLocation[];
  suppression: AlertSuppression | null;
}

export async function updateAlerts(tx: Tx, changes: readonly AlertChange[], now: Date): Promise<void> {
  if (changes.length === 0) return;
  await sql`
    update alerts set status = change.status, resolution = change.resolution, locations = change.locations,
      suppression = change.suppression, resolved_at = case change.status when 'resolved' then ${now}::timestamptz end
    from jsonb_to_recordset(${JSON.stringify(changes)}::jsonb)
      as change (id uuid, status text, resolution text, locations jsonb, suppression jsonb)
    where alerts.id = change.id`.execute(tx);
}

/** A pair that has nothing left to remember loses its row. */
export async function writeConditions(
  tx: Tx,
  changes: readonly (Pair & { conditions: readonly LocationCondition[] })[],
): Promise<void> {
  const [kept, dropped] = [
    changes.filter(({ conditions }) => conditions.length > 0),
    changes.filter(({ conditions }) => conditions.length === 0),
  ];
  if (kept.length > 0) {
    await sql`
      update alert_conditions set locations = change.conditions
      from jsonb_to_recordset(${JSON.stringify(kept)}::jsonb)
        as change ("ruleId" uuid, "jobNo" integer, conditions jsonb)
      where rule_id = change."ruleId" and job_no = change."jobNo"`.execute(tx);
  }
  if (dropped.length > 0) {
    await sql`
      delete from alert_conditions
      using unnest(${dropped.map((pair) => pair.ruleId)}::uuid[], ${dropped.map((pair) => pair.jobNo)}::integer[])
        as dropped (rule_id, job_no)
      where alert_conditions.rule_id = dropped.rule_id and alert_conditions.job_no = dropped.job_no`.execute(
      tx,
    );
  }
}

export interface NewEvent {
  alertId: string;
  kind: AlertEvent["kind"];
  text: string;
}

export async function insertEvents(tx: Tx, events: readonly NewEvent[], now: Date): Promise<void> {
  if (events.length === 0) return;
  await tx
    .insertInto("alert_events")
    .values(events.map(({ alertId, kind, text }) => ({ alert_id: alertId, at: now, kind, text })))
    .execute();
}
