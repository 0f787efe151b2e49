// Alerts about pollers that cannot reach their own reference targets (M16): raised while one is offline, resolved when it
// is online again. What nobody heard of meanwhile, as the poller could not reach the database either, is told afterwards.
import type { Db } from "../../platform/db.js";
import { type OfflinePoller, offlinePollers } from "../pollers/index.js";
import { raiseSelfAlert, resolveSelfAlert, type SelfAlert, tellSelfAlert } from "./self-alerts.js";

const KEY_PREFIX = "offline:";

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
  for (const [key, poller] of pollers) {
    for (const { from, to } of poller.references.offlinePeriods) {
      await tellSelfAlert(db, alertAbout(key, poller, from), to, now);
    }
    const since = offlineSince(poller);
    if (since !== null) await raiseSelfAlert(db, alertAbout(key, poller, since), now);
  }
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
