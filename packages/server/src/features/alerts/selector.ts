// The jobs of a selector, in the database.
import type { JobSelector } from "@nightbell/contract";
import { sql } from "kysely";
import type { Db, Tx } from "../../platform/db.js";
import { invalid } from "../../platform/http/validation.js";

/**
 * Throws `validation_failed` naming each job that is not the organisation's. One that the selector named before may have
 * been deleted since, and stays.
 */
export async function refuseForeignJobs(
  db: Db | Tx,
  organisationId: string,
  selector: JobSelector,
  before: JobSelector | null = null,
): Promise<void> {
  if (selector.kind !== "jobs") return;
  const known = new Set(before?.kind === "jobs" ? before.jobIds : []);
  for (const id of await ownedJobs(db, organisationId, selector.jobIds)) known.add(id);
  const errors = selector.jobIds.flatMap((id, index) =>
    known.has(id) ? [] : [{ path: `selector.jobIds.${index}`, message: "is no job of your organisation" }],
  );
  if (errors.length > 0) throw invalid(errors);
}

/** Those of the ids that are jobs of the organisation. By the primary key. */
export async function ownedJobs(
  db: Db | Tx,
  organisationId: string,
  ids: readonly string[],
): Promise<string[]> {
  const rows = await db
    .selectFrom("jobs")
    .select("id")
    .where("organisation_id", "=", organisationId)
    .where("id", "=", sql<string>`any(${ids}::uuid[])`)
    .execute();
  return rows.map(({ id }) => id);
}
