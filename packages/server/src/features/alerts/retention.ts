// Alerts that have been over for long leave, each with its timeline; what is not resolved stays. A task of the scheduler.
import { sql } from "kysely";
import type { Db } from "../../platform/db.js";

/** What one statement removes: some tens of milliseconds. A timeline may be longer, and then takes several. */
const BATCH_ALERTS = 500;
const BATCH_EVENTS = 5_000;

/**
 * Removes alerts that were resolved before a time, those about this installation included. Killed in between it leaves
 * alerts whose timeline is gone, in part or all, and the next call goes on with them.
 */
export async function forgetOldAlerts(db: Db, before: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    const ids = await resolvedBefore(db, before);
    if (ids.length === 0) return;
    while ((await removeEvents(db, ids)) === BATCH_EVENTS) signal.throwIfAborted();
    await sql`delete from alerts where id = any(${ids}::uuid[])`.execute(db);
    signal.throwIfAborted();
  }
}

/** The first to end of those, by alerts_resolved_by_time. */
async function resolvedBefore(db: Db, before: number): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from alerts where status = 'resolved' and resolved_at < ${new Date(before)}
    order by resolved_at limit ${BATCH_ALERTS}`.execute(db);
  return rows.map(({ id }) => id);
}

/** Some of the events of alerts, by alert_events_by_alert and the primary key. */
async function removeEvents(db: Db, alertIds: readonly string[]): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from alert_events where id = any(array(
      select id from alert_events where alert_id = any(${alertIds}::uuid[]) limit ${BATCH_EVENTS}))`.execute(
    db,
  );
  return Number(numAffectedRows);
}
