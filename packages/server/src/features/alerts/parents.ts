// Which job another one is reached through, and which are reached through it.
import type { JobFamily, JobParent } from "@nightbell/contract";
import { sql } from "kysely";
import type { Db, Tx } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import { invalid } from "../../platform/http/validation.js";
import { findJob } from "../jobs/index.js";

/** A router may stand before thousands. */
const MAX_CHILDREN = 100;

/** Throws `not_found`. */
export async function readFamily(db: Db, organisationId: string, jobId: string): Promise<JobFamily> {
  const job = await findJob(db, organisationId, jobId);
  const parent = await db
    .selectFrom("job_parents")
    .innerJoin("jobs as parent", "parent.job_no", "job_parents.parent_no")
    .select(["parent.id", "parent.title", "parent.target"])
    .where("job_parents.job_no", "=", job.job_no)
    .executeTakeFirst();
  // By job_parents_by_parent.
  const childrenOf = db
    .selectFrom("job_parents")
    .innerJoin("jobs as child", "child.job_no", "job_parents.job_no")
    .where("job_parents.parent_no", "=", job.job_no);
  const [children, { count }] = await Promise.all([
    childrenOf
      .select(["child.id", "child.title", "child.target"])
      .orderBy("child.title")
      .orderBy("child.id")
      .limit(MAX_CHILDREN)
      .execute(),
    childrenOf.select((eb) => eb.fn.countAll<number>().as("count")).executeTakeFirstOrThrow(),
  ]);
  return { parentId: parent?.id ?? null, parent: parent ?? null, children, childCount: count };
}

/** Throws `not_found`, or `validation_failed` for a parent that is not the organisation's or stands below the job. */
export function setParent(
  db: Db,
  organisationId: string,
  jobId: string,
  { parentId }: JobParent,
): Promise<JobParent> {
  return db.transaction().execute(async (tx) => {
    const job = await findJob(tx, organisationId, jobId);
    if (parentId === null) {
      await tx.deleteFrom("job_parents").where("job_no", "=", job.job_no).execute();
      return { parentId };
    }
    // One change of an organisation's tree at a time, so that two cannot close a circle together.
    await sql`select pg_advisory_xact_lock(hashtextextended(${`job parents ${organisationId}`}, 0))`.execute(
      tx,
    );
    const parent = await findJob(tx, organisationId, parentId).catch((error: unknown) => {
      if (!(error instanceof NightbellError) || error.code !== "not_found") throw error;
      throw invalid([{ path: "parentId", message: "is no job of your organisation" }]);
    });
    if (await standsBelow(tx, parent.job_no, job.job_no)) {
      throw invalid([{ path: "parentId", message: "is the job itself, or reached through it" }]);
    }
    await tx
      .insertInto("job_parents")
      .values({ job_no: job.job_no, parent_no: parent.job_no })
      .onConflict((conflict) => conflict.column("job_no").doUpdateSet({ parent_no: parent.job_no }))
      .execute();
    return { parentId };
  });
}

/** Whether `jobNo` is `ancestorNo`, or reached through it. */
async function standsBelow(tx: Tx, jobNo: number, ancestorNo: number): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`
    with recursive above as (
      select ${jobNo}::integer as job_no
      union
      select parent_no from above join job_parents using (job_no)
    )
    select exists (select from above where job_no = ${ancestorNo}) as found`.execute(tx);
  return rows[0]?.found === true;
}
