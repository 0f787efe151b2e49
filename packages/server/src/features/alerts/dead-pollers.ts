// Alerts about pollers that died (M16): raised when one's lease ran out without a word, resolved when it is back, or when
// nobody remembers it any more.
import type { Db } from "../../platform/db.js";
import { deadPollers } from "../pollers/index.js";
import { raiseSelfAlert, resolveSelfAlert } from "./self-alerts.js";

const KEY_PREFIX = "poller:";

/** A task of the scheduler; safe to repeat. */
export async function settlePollerAlerts(db: Db, now: number): Promise<void> {
  const dead = new Map(
    (await deadPollers(db))
      .filter(({ isBack }) => !isBack)
      .map((poller) => [`${KEY_PREFIX}${poller.locationNo}/${poller.name}`, poller]),
  );
  const raised = await db
    .selectFrom("alerts")
    .select("self_key")
    .where("status", "<>", "resolved")
    .where("self_key", "like", `${KEY_PREFIX}%`)
    .execute();
  for (const { self_key: key } of raised) {
    if (key === null) continue;
    if (!dead.has(key)) await resolveSelfAlert(db, key, now);
    dead.delete(key);
  }
  for (const [key, { name, location, organisationId, diedAt }] of dead) {
    const alert = {
      key,
      title: `The poller ${name} at ${location} is gone without a word; others measure its jobs, if there are any`,
      severity: "warning",
      organisationId,
      startedAt: diedAt.getTime(),
    } as const;
    await raiseSelfAlert(db, alert, now);
  }
}
