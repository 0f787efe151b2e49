// Alerts about this installation, not about a target (M16): of kind `self`, without a rule and without a job. They are
// shown to every organisation, or to the one whose poller is meant.
import { sql } from "kysely";
import type { AlertSeverity } from "@nightbell/contract";
import { uuidv7 } from "uuidv7";
import type { Db, Tx } from "../../platform/db.js";

export interface SelfAlert {
  /** What it is about, such as `poller:<id>`: at most one alert of a key is not resolved. */
  readonly key: string;
  /** A sentence without a full stop. */
  readonly title: string;
  readonly severity: AlertSeverity;
  /** Null: all. */
  readonly organisationId: string | null;
  readonly startedAt: number;
}

/** Raises the alert unless it is raised already. Safe to repeat. Returns whether it is new. */
export function raiseSelfAlert(db: Db, alert: SelfAlert, now: number): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    const id = await insertAlert(tx, alert, now);
    if (id !== null) await insertEvent(tx, id, "opened", `Raised: ${alert.title}`, now);
    return id !== null;
  });
}

/** Resolves the alert of the key, if there is one that is not. Safe to repeat. */
export function resolveSelfAlert(db: Db, key: string, now: number): Promise<void> {
  return db.transaction().execute(async (tx) => {
    const resolved = await tx
      .updateTable("alerts")
      .set({ status: "resolved", resolution: "recovered", resolved_at: new Date(now) })
      .where("self_key", "=", key)
      .where("status", "<>", "resolved")
      .returning("id")
      .executeTakeFirst();
    if (resolved !== undefined) await insertEvent(tx, resolved.id, "resolved", "Resolved: recovered", now);
  });
}

/**
 * Tells of what is over since `to`, unless it was raised while it lasted, or told before. Safe to repeat. Returns whether
 * the alert is new.
 */
export async function tellSelfAlert(db: Db, alert: SelfAlert, to: number, now: number): Promise<boolean> {
  const began = new Date(alert.startedAt);
  const known = await db
    .selectFrom("alerts")
    .select("id")
    .where("kind", "=", "self")
    .where("self_key", "=", alert.key)
    .where("organisation_id", "is not distinct from", alert.organisationId)
    .where("opened_at", ">=", began)
    .where("started_at", "=", began)
    .executeTakeFirst();
  if (known !== undefined) return false;
  const ended = new Date(to);
  const span = `from ${began.toISOString()} to ${ended.toISOString()}`;
  return db.transaction().execute(async (tx) => {
    const id = await insertAlert(tx, alert, now);
    if (id === null) return false;
    await tx
      .updateTable("alerts")
      .set({ status: "resolved", resolution: "recovered", resolved_at: ended })
      .where("id", "=", id)
      .execute();
    await insertEvent(tx, id, "opened", `Raised afterwards: ${alert.title}, ${span}`, now);
    await insertEvent(tx, id, "resolved", "Resolved: recovered", now);
    return true;
  });
}

/** A shorter absence is a restart: the spool bridges it, and nobody needs to know. */
const MIN_OUTAGE_MS = 5_000;
/** Pollers notice the end of an outage within their longest back-off of each other. */
const SAME_OUTAGE_MS = 10_000;

/**
 * Tells of an outage of the database that is over: it could not be told meanwhile. Several pollers see the same one; it
 * is one alert, from the first failure any of them saw to the last.
 */
export async function recordDatabaseOutage(db: Db, from: number, to: number): Promise<void> {
  if (to - from < MIN_OUTAGE_MS) return;
  const [began, ended, near] = [new Date(from), new Date(to), new Date(to - SAME_OUTAGE_MS)];
  await db.transaction().execute(async (tx) => {
    await sql`select pg_advisory_xact_lock(hashtextextended('nightbell database outage', 0))`.execute(tx);
    const known = await tx
      .selectFrom("alerts")
      .select("id")
      .where("kind", "=", "self")
      .where("self_key", "=", "database")
      .where("organisation_id", "is", null)
      .where("opened_at", ">=", near)
      .executeTakeFirst();
    const times = {
      started_at: sql<Date>`least(started_at, ${began})`,
      resolved_at: sql<Date>`greatest(resolved_at, ${ended})`,
    };
    if (known !== undefined) {
      await tx.updateTable("alerts").set(times).where("id", "=", known.id).execute();
      return;
    }
    const alert: SelfAlert = {
      key: "database",
      title: "The database could not be reached; samples were kept on disk and stored afterwards",
      severity: "critical",
      organisationId: null,
      startedAt: from,
    };
    const id = await insertAlert(tx, alert, to);
    if (id === null) return;
    await tx
      .updateTable("alerts")
      .set({ status: "resolved", resolution: "recovered", resolved_at: ended })
      .where("id", "=", id)
      .execute();
    const span = `from ${began.toISOString()} to ${ended.toISOString()}`;
    await insertEvent(tx, id, "opened", `Raised afterwards: the database could not be reached ${span}`, to);
    await insertEvent(tx, id, "resolved", "Resolved: the database answers again", to);
  });
}

/** The id of the new alert; null when there is one that is not resolved. */
async function insertAlert(tx: Tx, alert: SelfAlert, now: number): Promise<string | null> {
  const inserted = await tx
    .insertInto("alerts")
    .values({
      id: uuidv7(),
      organisation_id: alert.organisationId,
      kind: "self",
      status: "open",
      severity: alert.severity,
      title: alert.title,
      self_key: alert.key,
      started_at: new Date(alert.startedAt),
      opened_at: new Date(now),
    })
    .onConflict((conflict) => conflict.column("self_key").where("status", "<>", "resolved").doNothing())
    .returning("id")
    .executeTakeFirst();
  return inserted?.id ?? null;
}

async function insertEvent(
  tx: Tx,
  alertId: string,
  kind: "opened" | "resolved",
  text: string,
  now: number,
): Promise<void> {
  await tx
    .insertInto("alert_events")
    .values({ alert_id: alertId, at: new Date(now), kind, text })
    .execute();
}
