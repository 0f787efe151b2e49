// Jobs as code (M20): one transaction that makes the jobs of a set as its files describe them, or says what it would do.
import { createHash } from "node:crypto";
import { AppliedJob, type JobApplyBody, type JobApplyResult } from "@nightbell/contract";
import { sql } from "kysely";
import { uuidv7 } from "uuidv7";
import type { z } from "zod";
import { type FieldError, NightbellError } from "../../platform/errors.js";
import { fieldErrors, invalid, MAX_REPORTED_ERRORS } from "../../platform/http/validation.js";
import { type KeyedJob, planApply } from "./apply-plan.js";
import {
  type CreateContext,
  insertJobs,
  orKeyTaken,
  refuseSimulation,
  refuseWrongLocations,
} from "./create.js";
import { writePatch } from "./edit.js";
import { deleteJobs, findAppliedIds, lockJobs } from "./queries.js";

/**
 * Throws `validation_failed` with every path below `jobs.<index>`, `version_conflict` when something else than
 * `expectedPlan` would change by now, `simulation_forbidden`, `key_taken`.
 */
export async function applyJobs(
  context: CreateContext,
  { set, jobs: entries, prune, dryRun, expectedPlan }: z.output<typeof JobApplyBody>,
): Promise<JobApplyResult> {
  const { db, account, now } = context;
  const { organisationId } = account;
  const jobs = parseEntries(entries);
  if (jobs.some((job) => job.monitoringMode === "simulated")) refuseSimulation(context);
  await refuseWrongLocations(
    db,
    organisationId,
    jobs.map((job, index) => ({
      type: job.type,
      names: job.locations,
      path: ["jobs", String(index), "locations"],
    })),
  );
  return orKeyTaken(() =>
    db.transaction().execute(async (tx) => {
      // One at a time in an organisation, so that the second finds what the first made.
      await sql`select pg_advisory_xact_lock(hashtextextended(${`apply ${organisationId}`}, 0))`.execute(tx);
      const keys = jobs.map(({ key }) => key);
      const ids = await findAppliedIds(tx, organisationId, keys, set);
      const rows = await lockJobs(tx, organisationId, ids);
      const { actions, creates, updates, deletes, errors } = planApply(rows, jobs, { set, prune });
      if (errors.length > 0) throw invalid(errors);
      const plan = createHash("sha256").update(JSON.stringify(actions)).digest("base64url");
      if (expectedPlan !== undefined && expectedPlan !== plan) {
        throw new NightbellError(
          "version_conflict",
          "Jobs have changed since this plan was made; make a new one.",
        );
      }
      if (dryRun) return { plan, isApplied: false, actions };
      const newIds = creates.map(() => uuidv7());
      await insertJobs(tx, account, creates, newIds, now, set);
      for (const { row, index, patch } of updates) {
        await below(index, () => writePatch(tx, row, patch, now));
      }
      await deleteJobs(
        tx,
        deletes.map((row) => row.job_no),
      );
      const idOf = new Map(creates.map(({ key }, index) => [key, newIds[index] ?? null]));
      const done = actions.map((action) => ({ ...action, jobId: idOf.get(action.key) ?? action.jobId }));
      return { plan, isApplied: true, actions: done };
    }),
  );
}

function parseEntries(entries: readonly unknown[]): KeyedJob[] {
  const jobs: KeyedJob[] = [];
  const errors: FieldError[] = [];
  for (const [index, entry] of entries.entries()) {
    const result = AppliedJob.safeParse(entry);
    if (result.success) jobs.push({ ...result.data, key: result.data.key ?? "" });
    else errors.push(...fieldErrors(result.error.issues, ["jobs", index]));
    if (errors.length > MAX_REPORTED_ERRORS) break;
  }
  if (errors.length > 0) throw invalid(errors);
  return jobs;
}

/** What is wrong with an edit is said of its entry. */
async function below(index: number, edit: () => Promise<void>): Promise<void> {
  try {
    await edit();
  } catch (error) {
    if (!(error instanceof NightbellError) || error.errors === undefined) throw error;
    throw invalid(error.errors.map(({ path, message }) => ({ path: `jobs.${index}.${path}`, message })));
  }
}
