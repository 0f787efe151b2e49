// Creating jobs, one or many: checked as a whole, stored in one transaction, repeated safely under an Idempotency-Key.
import { JobCreate } from "@nightbell/contract";
import { DatabaseError } from "pg";
import { uuidv7 } from "uuidv7";
import type { z } from "zod";
import type { Db, Tx } from "../../platform/db.js";
import { type FieldError, NightbellError } from "../../platform/errors.js";
import type { Account } from "../../platform/http/access.js";
import { fieldErrors, invalid, MAX_REPORTED_ERRORS } from "../../platform/http/validation.js";
import { claimKey, type IdempotencyClaim } from "./idempotency.js";
import { knownLocations, selectJobs } from "./queries.js";
import type { JobRow } from "./row.js";

export type NewJob = z.output<typeof JobCreate>;

export interface CreateContext {
  readonly db: Db;
  readonly account: Account;
  /** Whether everybody may simulate; in production only test accounts may (M18). */
  readonly allowsSimulation: boolean;
  readonly now: number;
}

export async function createJob(
  context: CreateContext,
  job: NewJob,
  claim: IdempotencyClaim | null,
): Promise<JobRow> {
  const [row] = await createJobs(context, [job], claim, []);
  if (row === undefined) throw new Error("the job just made is not there");
  return row;
}

/** All or nothing; throws `validation_failed` with every path below `jobs.<index>`. */
export async function importJobs(
  context: CreateContext,
  entries: readonly unknown[],
  claim: IdempotencyClaim | null,
): Promise<JobRow[]> {
  const jobs: NewJob[] = [];
  const errors: FieldError[] = [];
  for (const [index, entry] of entries.entries()) {
    const result = JobCreate.safeParse(entry);
    if (result.success) jobs.push(result.data);
    else errors.push(...fieldErrors(result.error.issues, ["jobs", index]));
    if (errors.length > MAX_REPORTED_ERRORS) break;
  }
  if (errors.length > 0) throw invalid(errors);
  return createJobs(context, jobs, claim, ["jobs"]);
}

async function createJobs(
  context: CreateContext,
  jobs: readonly NewJob[],
  claim: IdempotencyClaim | null,
  path: readonly string[],
): Promise<JobRow[]> {
  const { db, account } = context;
  if (jobs.some((job) => job.monitoringMode === "simulated")) refuseSimulation(context);
  await refuseWrongLocations(
    db,
    account.organisationId,
    jobs.map((job, index) => ({
      type: job.type,
      names: job.locations,
      path: [...path, ...(path.length > 0 ? [String(index)] : []), "locations"],
    })),
  );
  return orKeyTaken(() =>
    db.transaction().execute(async (tx) => {
      const ids = jobs.map(() => uuidv7());
      const earlierIds =
        claim === null ? null : await claimKey(tx, account.organisationId, claim, ids, context.now);
      if (earlierIds === null) await insertJobs(tx, account, jobs, ids, context.now, null);
      const rows = await selectJobs(tx, account.organisationId, earlierIds ?? ids);
      if (rows.length < (earlierIds ?? ids).length) {
        throw new NightbellError("not_found", "What this Idempotency-Key created has been deleted since.");
      }
      return rows;
    }),
  );
}

/** Throws `key_taken` where the unique index jobs_by_key refuses. */
export async function orKeyTaken<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.constraint !== "jobs_by_key") throw error;
    const key = /=\([^,]+, (.*)\)/.exec(error.detail ?? "")?.[1] ?? "this key";
    throw new NightbellError(
      "key_taken",
      `Another job of your organisation has the key ${key}; choose another one.`,
    );
  }
}

/** Throws `simulation_forbidden` unless the account may run simulated jobs here (M18). */
export function refuseSimulation({
  account,
  allowsSimulation,
}: Pick<CreateContext, "account" | "allowsSimulation">): void {
  if (allowsSimulation || account.isTestAccount) return;
  throw new NightbellError(
    "simulation_forbidden",
    "In production only accounts that the owner marked as test accounts may simulate; use real_polling.",
  );
}

/** Throws `validation_failed` naming each location from which the organisation cannot measure a job of the type. */
export async function refuseWrongLocations(
  db: Db | Tx,
  organisationId: string,
  lists: readonly { type: string; names: readonly string[]; path: readonly string[] }[],
): Promise<void> {
  const names = [...new Set(lists.flatMap((list) => list.names))];
  const known = await knownLocations(db, organisationId, names);
  const errors: FieldError[] = lists.flatMap(({ type, names, path }) =>
    names.flatMap((name, index) => {
      const message = whyNotFrom(name, type, known.get(name));
      return message === null ? [] : [{ path: [...path, index].join("."), message }];
    }),
  );
  if (errors.length > 0) throw invalid(errors);
}

function whyNotFrom(name: string, type: string, location: { isOwn: boolean } | undefined): string | null {
  if (location === undefined) return `${name} is not a location of your organisation`;
  // Its pollers are remote: the beats of a heartbeat come to the server, and only pollers beside it see them.
  if (location.isOwn && type === "heartbeat")
    return `${name} has remote pollers, which see no heartbeats; use default`;
  return null;
}

/** `managedBy` is the set of files that makes them, null for a person. */
export async function insertJobs(
  tx: Tx,
  account: Account,
  jobs: readonly NewJob[],
  ids: readonly string[],
  now: number,
  managedBy: string | null,
): Promise<void> {
  if (jobs.length === 0) return;
  await tx
    .insertInto("jobs")
    .values(
      jobs.map((job, index) => ({
        id: ids[index] ?? uuidv7(),
        organisation_id: account.organisationId,
        requester_id: account.userId,
        key: job.key,
        managed_by: managedBy,
        title: job.title,
        type: job.type,
        target: job.target,
        options: JSON.stringify(job.options),
        cadence_ms: Math.round(job.cadenceSeconds * 1_000),
        duration_seconds: job.durationSeconds,
        monitoring_mode: job.monitoringMode,
        simulation: JSON.stringify(job.simulation),
        locations: job.locations,
        thresholds: JSON.stringify(job.thresholds),
        status: "pending",
        created_at: new Date(now),
        updated_at: new Date(now),
      })),
    )
    .execute();
}
