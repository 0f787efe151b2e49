// Alerts about pollers that cannot reach their own reference targets (M16): raised while one is offline, resolved when it
// is online again. What nobody heard of meanwhile, as the poller could not reach the database either, is told afterwards.
import { sql } from "kysely";
import type { Db } from "../../platform/db.js";
import { type OfflinePoller, offlinePollers } from "../pollers/index.js";
import { raiseSelfAlert, resolveSelfAlert, type SelfAlert, tellSelfAlert } from "./self-alerts.js";

const KEY_PREFIX = "offline:";

/**
 * Of one poller in an hour, whose network may come and go; and of an organisation's own ones together, which may say what
 * they like. What is beyond is raised later if it lasts, or told later: pollers tell of it for a day.
 */
const MAX_ALERTS_OF_POLLER = 6;
const MAX_ALERTS_OF_ORGANISATION = 100;
const HOUR_MS = 3_600_000;

/** A task of the scheduler; safe to repeat. */
export async function settleOfflineAlerts(db: Db, now: number): Promise<void> {
  const pollers = new Map((await offlinePollers(db)).map((poller) => [`${KEY_PREFIX}${poller.id}`, poller]));
  const raised = await db
    .selectFrom("alerts")
    .select("self_key")
    .where("status", "<>", "resolved")
    .where("self_key", "like", `${KEY_PREFIX}%`)
    .execute();
  for (const { self_key: key } of raised) {
    if (key !== null && offlineSince(pollers.get(key)) === null) await resolveSelfAlert(db, key, now);
  }
  if (pollers.size === 0) return;
  const counts = await alertsOfLastHour(db, [...pollers.values()], now);
  for (const [key, poller] of pollers) {
    const { organisationId } = poller;
    const tell = async (alert: SelfAlert, to: number | null) => {
      const isBeyond =
        (counts.get(key) ?? 0) >= MAX_ALERTS_OF_POLLER ||
        (organisationId !== null && (counts.get(organisationId) ?? 0) >= MAX_ALERTS_OF_ORGANISATION);
      if (isBeyond) return;
      const isNew = await (to === null ? raiseSelfAlert(db, alert, now) : tellSelfAlert(db, alert, to, now));
      if (!isNew) return;
      count(counts, key);
      if (organisationId !== null) count(counts, organisationId);
    };
    for (const { from, to } of poller.references.offlinePeriods)
      await tell(alertAbout(key, poller, from), to);
    const since = offlineSince(poller);
    if (since !== null) await tell(alertAbout(key, poller, since), null);
  }
}

/** How many were raised, by their keys and by their organisations. By alerts_by_organisation. */
async function alertsOfLastHour(
  db: Db,
  pollers: readonly OfflinePoller[],
  now: number,
): Promise<Map<string, number>> {
  const organisationIds = new Set(pollers.flatMap(({ organisationId }) => organisationId ?? []));
  const { rows } = await sql<{ key: string; organisationId: string | null }>`
    select self_key as key, organisation_id as "organisationId" from alerts
    where (organisation_id is null or organisation_id = any(${[...organisationIds]}::uuid[]))
      and opened_at > ${new Date(now - HOUR_MS)} and self_key like ${`${KEY_PREFIX}%`}`.execute(db);
  const counts = new Map<string, number>();
  for (const { key, organisationId } of rows) {
    count(counts, key);
    if (organisationId !== null) count(counts, organisationId);
  }
  return counts;
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function offlineSince(poller: OfflinePoller | undefined): number | null {
  return poller?.references.offlineSince ?? null;
}

function alertAbout(
  key: string,
  { name, location, organisationId }: OfflinePoller,
  since: number,
): SelfAlert {
  return {
    key,
    title: `The poller ${name} at ${location} cannot reach its reference targets`,
    severity: "warning",
    organisationId,
    startedAt: since,
  };
}
