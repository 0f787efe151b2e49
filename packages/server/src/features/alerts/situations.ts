// The SQL of decisions, for many pairs of a rule and a job at once: what is locked and read, in one round trip, and what is
// written, in another. So a decision takes three of them, the commit included, however busy the process and the database are.
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
import { escapeLiteral, type PoolClient, type QueryResult } from "pg";
import type { Db } from "../../platform/db.js";
import type { LocationCondition } from "./decide.js";

export interface Pair {
  readonly ruleId: string;
  readonly jobNo: number;
}

/** Alerts of these kinds say that the target is down. */
export const DOWN_KINDS: readonly AlertKind[] = ["missed", "loss"];

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

export interface WindowRow {
  id: string;
  organisation_id: string;
  name: string;
  selector: JobSelector;
  schedule: MaintenanceSchedule;
}

export interface ParentRow {
  job_no: number;
  id: string;
  title: string;
}

export interface Situations {
  situations: SituationRow[];
  /** For jobs that are reached through one that is down: that one, or one of them. */
  downParents: ParentRow[];
  /** Of the organisations concerned. */
  windows: WindowRow[];
}

/**
 * Begins a transaction, makes the rows of `alert_conditions` that are missing, locks all of them, and reads what is decided
 * about. Everybody locks rules, jobs, conditions and alerts in this order, and each of these in its own, so that none waits
 * for another in a circle. Pairs whose rule or job is gone are left out.
 *
 * Each statement sees what was committed before it, so what is read is what the locks keep. By the primary keys,
 * alerts_unresolved, alerts_unresolved_by_job_no and maintenance_windows_by_organisation.
 */
export async function lockAndRead(client: PoolClient, pairs: readonly Pair[]): Promise<Situations> {
  const ruleIds = `${arrayOf(pairs.map(({ ruleId }) => ruleId))}::uuid[]`;
  const jobNos = `${arrayOf(pairs.map(({ jobNo }) => jobNo))}::integer[]`;
  const wanted = `unnest(${ruleIds}, ${jobNos}) as wanted (rule_id, job_no)`;
  const results = (await client.query(`
    begin;
    select from alert_rules where id = any(${ruleIds}) order by id for key share;
    select from jobs where job_no = any(${jobNos}) order by job_no for key share;
    insert into alert_conditions (rule_id, job_no)
      select rule_id, job_no from ${wanted}
      join alert_rules on alert_rules.id = rule_id join jobs using (job_no)
      order by rule_id, job_no
      on conflict do nothing;
    select from ${wanted} join alert_conditions using (rule_id, job_no)
      order by rule_id, job_no for update of alert_conditions;

    select wanted.rule_id, wanted.job_no, conditions.locations as conditions, rule.organisation_id,
      rule.name as rule_name, rule.version as rule_version, rule.selector, rule.condition, rule.quorum, rule.severity,
      rule.is_enabled, job.id as job_id, job.title as job_title, job.type as job_type, job.status as job_status,
      cardinality(job.locations) as location_count,
      (select coalesce(json_object_agg(location_no, name), '{}') from (
         select distinct on (name) location_no, name from locations
         where name = any(job.locations)
           and (locations.organisation_id is null or locations.organisation_id = job.organisation_id)
         -- The organisation's own location is meant before the shared one of that name.
         order by name, locations.organisation_id nulls last) as measured) as locations,
      alert.id as alert_id, alert.status as alert_status
    from ${wanted}
    join alert_conditions as conditions using (rule_id, job_no)
    join alert_rules as rule on rule.id = wanted.rule_id
    join jobs as job on job.job_no = wanted.job_no
    left join alerts as alert
      on alert.rule_id = wanted.rule_id and alert.job_no = wanted.job_no and alert.status <> 'resolved';

    with recursive above as (
      select job_no, parent_no from job_parents where job_no = any(${jobNos})
      union
      select above.job_no, higher.parent_no from above
      join job_parents as higher on higher.job_no = above.parent_no
    )
    select distinct on (above.job_no) above.job_no, parent.id, parent.title from above
    join jobs as parent on parent.job_no = above.parent_no
    where exists (
      select from alerts where alerts.job_no = above.parent_no and status <> 'resolved'
        and kind = any(${arrayOf(DOWN_KINDS)}::text[]))
    order by above.job_no, parent.id;

    select id, organisation_id, name, selector, schedule from maintenance_windows
    where is_enabled and organisation_id in (select organisation_id from alert_rules where id = any(${ruleIds}))`)) as unknown as [
    ...unlocked: [QueryResult, QueryResult, QueryResult, QueryResult, QueryResult],
    situations: QueryResult<SituationRow>,
    parents: QueryResult<ParentRow>,
    windows: QueryResult<WindowRow>,
  ];
  const [, , , , , situations, parents, windows] = results;
  return { situations: situations.rows, downParents: parents.rows, windows: windows.rows };
}

/** Several statements at once take no parameters. */
function arrayOf(values: readonly (string | number)[]): string {
  return escapeLiteral(`{${values.join(",")}}`);
}

/** The windows that are switched on: of one organisation, or of all. */
export function enabledWindows(db: Db, organisationId: string | null): Promise<WindowRow[]> {
  return db
    .selectFrom("maintenance_windows")
    .select(["id", "organisation_id", "name", "selector", "schedule"])
    .where("is_enabled", "=", true)
    .$if(organisationId !== null, (query) => query.where("organisation_id", "=", organisationId ?? ""))
    .execute();
}

/** What becomes of the alerts of some pairs. */
export interface Changes {
  /** A pair that has nothing left to remember loses its row. */
  conditions: (Pair & { conditions: readonly LocationCondition[] })[];
  opened: NewAlert[];
  changed: AlertChange[];
  events: NewEvent[];
  /** Of alerts that are open now: what their locations see is to be found out. */
  evidence: NewEvidence[];
}

export interface NewAlert {
  id: string;
  organisation_id: string;
  kind: AlertKind;
  status: AlertStatus;
  severity: AlertSeverity;
  title: string;
  rule_id: string;
  rule_name: string;
  job_id: string;
  job_no: number;
  job_title: string;
  locations: AlertLocation[];
  suppression: AlertSuppression | null;
  started_at: Date;
}

export interface AlertChange {
  id: string;
  status: AlertStatus;
  resolution: AlertResolution | null;
  locations: AlertLocation[];
  suppression: AlertSuppression | null;
}

export interface NewEvent {
  alert_id: string;
  kind: AlertEvent["kind"];
  text: string;
}

export interface NewEvidence {
  id: string;
  alert_id: string;
  job_no: number;
  location_no: number;
  urgency: number;
}

// By the primary keys. Foreign keys are checked at the end of the statement, so events may be of alerts that it inserts.
const WRITE = `
  with said as (
    select * from jsonb_to_recordset($1::jsonb) as said ("ruleId" uuid, "jobNo" integer, conditions jsonb)
  ), remembered as (
    update alert_conditions set locations = conditions from said
    where rule_id = "ruleId" and job_no = "jobNo" and conditions <> '[]'
  ), forgotten as (
    delete from alert_conditions using said
    where rule_id = "ruleId" and job_no = "jobNo" and conditions = '[]'
  ), opened as (
    insert into alerts (id, organisation_id, kind, status, severity, title, rule_id, rule_name, job_id, job_no, job_title,
                        locations, suppression, started_at, opened_at)
    select id, organisation_id, kind, status, severity, title, rule_id, rule_name, job_id, job_no, job_title,
           locations, nullif(suppression, 'null'), started_at, $5::timestamptz
    from jsonb_to_recordset($2::jsonb)
      as opened (id uuid, organisation_id uuid, kind text, status text, severity text, title text, rule_id uuid,
                 rule_name text, job_id uuid, job_no integer, job_title text, locations jsonb, suppression jsonb,
                 started_at timestamptz)
  ), changed as (
    update alerts set status = change.status, resolution = change.resolution, locations = change.locations,
      suppression = nullif(change.suppression, 'null'),
      resolved_at = case change.status when 'resolved' then $5::timestamptz end
    from jsonb_to_recordset($3::jsonb)
      as change (id uuid, status text, resolution text, locations jsonb, suppression jsonb)
    where alerts.id = change.id
  ), requested as (
    insert into alert_evidence (id, alert_id, job_no, location_no, urgency)
    select id, alert_id, job_no, location_no, urgency
    from jsonb_to_recordset($6::jsonb)
      as request (id uuid, alert_id uuid, job_no integer, location_no smallint, urgency smallint)
    on conflict (alert_id, location_no) do nothing
  )
  insert into alert_events (alert_id, at, kind, text)
  select alert_id, $5::timestamptz, kind, text
  from jsonb_to_recordset($4::jsonb) as event (alert_id uuid, kind text, text text)`;

export async function write(client: PoolClient, changes: Changes, now: Date): Promise<void> {
  const { conditions, opened, changed, events, evidence } = changes;
  await client.query(WRITE, [
    ...[conditions, opened, changed, events].map((rows) => JSON.stringify(rows)),
    now,
    JSON.stringify(evidence),
  ]);
}
