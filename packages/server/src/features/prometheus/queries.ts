import type { Db } from "../../platform/db.js";

/** So that a new job never takes the place of one that has its series. Served by jobs_by_status. */
export async function oldestRunning(db: Db, organisationId: string, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom("jobs")
    .select("id")
    .where("organisation_id", "=", organisationId)
    .where("status", "=", "running")
    .orderBy("created_at")
    .orderBy("id")
    .limit(limit)
    .execute();
  return rows.map((row) => row.id);
}

/** Served by jobs_by_status. */
export async function countRunning(db: Db, organisationId: string): Promise<number> {
  const { count } = await db
    .selectFrom("jobs")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where("organisation_id", "=", organisationId)
    .where("status", "=", "running")
    .executeTakeFirstOrThrow();
  return count;
}
