// One transaction that decides about pairs of a rule and a job: locked, compared with what is known, written with the
// timeline. Repeated or late, it changes nothing.
import type { AlertLocation, AlertResolution, AlertStatus, AlertSuppression } from "@nightbell/contract";
import { DatabaseError, type Pool, type PoolClient } from "pg";
import { uuidv7 } from "uuidv7";
import { hasEvidence, urgencyOf } from "../evidence/index.js";
import { type Decision, decide, type Statement, type LocationCondition } from "./decide.js";
import { ActiveTimes, selects } from "./maintenance.js";
import { conditionText, happeningText } from "./sentences.js";
import {
  type Changes,
  lockAndRead,
  type Pair,
  type SituationRow,
  type Situations,
  type WindowRow,
  write,
} from "./situations.js";

/** Pairs of one transaction: some tens of milliseconds. */
export const MAX_PAIRS = 500;
const ATTEMPTS = 5;

/** What is to be decided: statements of evaluators, or none to see whether the situation around an alert has changed. */
export interface Question extends Pair {
  /** The version of the rule that the statements follow from; null without statements. */
  readonly ruleVersion: number | null;
  readonly statements: readonly Statement[];
}

export interface Applied {
  /** How many alerts were raised, and what became of others. */
  readonly counts: Record<"opened" | AlertStatus, number>;
  /** Questions that were left alone because their rule has been changed since. */
  readonly outdated: ReadonlySet<Question>;
}

/** At most MAX_PAIRS questions, no pair twice. Throws when the database cannot be used; then nothing was decided. */
export async function applyDecisions(
  pool: Pool,
  questions: readonly Question[],
  now: number,
): Promise<Applied> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await applyOnce(pool, questions, now);
    } catch (error) {
      if (attempt === ATTEMPTS || !isPassing(error)) throw error;
    }
  }
}

async function applyOnce(pool: Pool, questions: readonly Question[], now: number): Promise<Applied> {
  const client = await pool.connect();
  try {
    const applied = await applyWithin(client, questions, now);
    // Commit boundary: killed before it, the statements are made again after the restart; after it, they change nothing.
    await client.query("commit");
    client.release();
    return applied;
  } catch (error) {
    // On a connection that broke or is silent a rollback would wait; ended, it leaves the pool.
    const isUsable =
      error instanceof DatabaseError &&
      (await client.query("rollback").then(
        () => true,
        () => false,
      ));
    client.release(!isUsable);
    throw error;
  }
}

async function applyWithin(
  client: PoolClient,
  questions: readonly Question[],
  now: number,
): Promise<Applied> {
  const read = await lockAndRead(client, questions);
  const suppressionOf = circumstances(read, now);
  const byPair = new Map(read.situations.map((row) => [`${row.rule_id} ${row.job_no}`, row]));
  const decisions = new Decided();
  const outdated = new Set<Question>();
  for (const question of questions) {
    const row = byPair.get(`${question.ruleId} ${question.jobNo}`);
    if (row === undefined) continue; // The rule or the job is gone, and the alert with it or about to be.
    if (question.ruleVersion !== null && question.ruleVersion !== row.rule_version) {
      outdated.add(question);
      continue;
    }
    const suppression = suppressionOf(row);
    const decision = decide(
      {
        conditions: row.conditions,
        alert: row.alert_status === null ? null : { status: row.alert_status },
        locationNos: Object.keys(row.locations).map(Number),
        locationCount: row.location_count,
        quorum: row.quorum,
        obstacle: obstacleOf(row),
        suppression,
      },
      question.statements,
    );
    decisions.add(row, decision, suppression, now);
  }
  await write(client, decisions.changes, new Date(now));
  return { counts: decisions.counts, outdated };
}

function obstacleOf(row: SituationRow): AlertResolution | null {
  if (!row.is_enabled) return "rule_disabled";
  if (!selects(row.selector, { id: row.job_id, type: row.job_type })) return "rule_changed";
  return row.job_status === "running" ? null : "job_stopped";
}

/** What would account for an alert of a row. */
function circumstances(
  { windows, downParents }: Situations,
  now: number,
): (row: SituationRow) => AlertSuppression | null {
  const active = activeWindows(windows, now);
  const parents = new Map(downParents.map((parent) => [parent.job_no, parent]));
  return (row) => {
    const job = { id: row.job_id, type: row.job_type };
    const window = active.find(
      (each) => each.organisation_id === row.organisation_id && selects(each.selector, job),
    );
    if (window !== undefined) return { kind: "maintenance", id: window.id, name: window.name };
    const parent = parents.get(row.job_no);
    return parent === undefined ? null : { kind: "parent", id: parent.id, name: parent.title };
  };
}

/** Of this process: the scheduler asks every second, and each transaction of decisions. */
const activeTimes = new ActiveTimes();

export function activeWindows(windows: readonly WindowRow[], now: number): WindowRow[] {
  return windows.filter(({ schedule }) => activeTimes.isActive(schedule, now));
}

/** What the decisions of one transaction change. */
class Decided {
  readonly counts = { opened: 0, open: 0, suppressed: 0, resolved: 0 };
  readonly changes: Changes = { conditions: [], opened: [], changed: [], events: [], evidence: [] };

  add(row: SituationRow, decision: Decision, suppression: AlertSuppression | null, now: number): void {
    const { status, resolution, happenings, conditions } = decision;
    this.changes.conditions.push({ ruleId: row.rule_id, jobNo: row.job_no, conditions });
    if (status === null || happenings.length === 0) return;
    const shown = conditions.filter(({ locationNo }) => String(locationNo) in row.locations);
    const worst = shown.find(({ isBad }) => isBad) ?? null;
    const value = worst?.value ?? null;
    const alertId = row.alert_id ?? uuidv7();
    const locations = shown.map((condition) => toLocation(condition, row));
    const suppressedBy = status === "suppressed" ? suppression : null;
    if (row.alert_id === null) {
      this.changes.opened.push({
        id: alertId,
        organisation_id: row.organisation_id,
        kind: row.condition.kind,
        status,
        severity: row.severity,
        title: `${row.job_title}: ${conditionText(row.condition, value)}`,
        rule_id: row.rule_id,
        rule_name: row.rule_name,
        job_id: row.job_id,
        job_no: row.job_no,
        job_title: row.job_title,
        locations,
        suppression: suppressedBy,
        started_at: new Date(Math.min(now, ...shown.filter(({ isBad }) => isBad).map(({ since }) => since))),
      });
      this.counts.opened += 1;
    } else {
      this.changes.changed.push({ id: alertId, status, resolution, locations, suppression: suppressedBy });
    }
    if (status !== row.alert_status) this.counts[status] += 1;
    if (status === "open" && row.alert_status !== "open") this.#requestEvidence(row, alertId);
    for (const happening of happenings) {
      const text = happeningText(happening, {
        condition: row.condition,
        value,
        badLocations: locations.filter(({ isBad }) => isBad).map(({ name }) => name),
        locationName: (locationNo) => row.locations[locationNo] ?? String(locationNo),
        suppression: suppressedBy,
        resolution,
      });
      this.changes.events.push({ alert_id: alertId, kind: happening.kind, text });
    }
  }

  #requestEvidence(row: SituationRow, alertId: string): void {
    if (!hasEvidence(row.job_type)) return;
    const request = { alert_id: alertId, job_no: row.job_no, urgency: urgencyOf(row.severity) };
    for (const locationNo of Object.keys(row.locations))
      this.changes.evidence.push({ ...request, id: uuidv7(), location_no: Number(locationNo) });
  }
}

function toLocation(condition: LocationCondition, row: SituationRow): AlertLocation {
  return {
    name: row.locations[condition.locationNo] ?? String(condition.locationNo),
    isBad: condition.isBad,
    since: new Date(condition.since).toISOString(),
    value: condition.value,
  };
}

/** Serialization failures and deadlocks (class 40), and a job or rule that was deleted between two statements. */
function isPassing(error: unknown): boolean {
  return error instanceof DatabaseError && (error.code?.startsWith("40") === true || error.code === "23503");
}
