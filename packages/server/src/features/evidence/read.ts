import type { AlertEvidence } from "@nightbell/contract";
import type { Db } from "../../platform/db.js";

/** The evidence of an alert, by location. By the unique index on alert and location. */
export async function evidenceOf(db: Db, alertId: string): Promise<AlertEvidence[]> {
  const rows = await db
    .selectFrom("alert_evidence")
    .innerJoin("locations", "locations.location_no", "alert_evidence.location_no")
    .select(["locations.name as location", "state", "requested_at", "ended_at", "text", "findings"])
    .where("alert_id", "=", alertId)
    .orderBy("locations.name")
    .execute();
  return rows.map(({ requested_at, ended_at, ...row }) => ({
    ...row,
    requestedAt: requested_at.toISOString(),
    endedAt: ended_at?.toISOString() ?? null,
  }));
}
