// Editing a job: locked, compared with the version the caller saw, checked as a whole, and its grid moved along.
import { checkTyped, type JobPatch } from "@nightbell/contract";
import type { z } from "zod";
import type { Tx } from "../../platform/db.js";
import { type FieldError, NightbellError } from "../../platform/errors.js";
import { refuseOtherVersion } from "../../platform/http/if-match.js";
import { invalid } from "../../platform/http/validation.js";
import { type CreateContext, orKeyTaken, refuseSimulation, refuseWrongLocations } from "./create.js";
import { findJob, noJob } from "./find.js";
import type { Grid } from "./grid.js";
import { lockJobs, writeGrids } from "./queries.js";
import { type JobRow, stateOf } from "./row.js";
import { editGrid, endOf, isOver } from "./rules.js";

export type Patch = z.output<typeof JobPatch>;

/** What may still be said about a job that is over; the rest would rewrite its history. */
const EDITABLE_WHEN_OVER: ReadonlySet<string> = new Set(["title", "key", "thresholds"]);

/**
 * Throws `not_found`, `version_conflict` when the caller saw an older version, `invalid_transition`,
 * `validation_failed`, `simulation_forbidden`, `key_taken`.
 */
export function editJob(
  context: CreateContext,
  id: string,
  patch: Patch,
  ifMatch: string | undefined,
): Promise<JobRow> {
  const { db, account } = context;
  return orKeyTaken(() =>
    db.transaction().execute(async (tx) => {
      const [row] = await lockJobs(tx, account.organisationId, [id]);
      if (row === undefined) throw noJob();
      refuseOtherVersion("job", row.version, ifMatch);
      if (Object.keys(patch).length === 0) return row;
      refuseRewriting(row, patch);
      if (patch.monitoringMode === "simulated") refuseSimulation(context);
      if (patch.locations !== undefined) {
        await refuseWrongLocations(tx, account.organisationId, [
          { type: row.type, names: patch.locations, path: ["locations"] },
        ]);
      }
      await writePatch(tx, row, patch, context.now);
      return findJob(tx, account.organisationId, id);
    }),
  );
}

/** Why the job, being over, cannot be edited so; null when it can. */
export function rewriting({ status }: JobRow, fields: readonly string[]): string | null {
  if (!isOver(status) || fields.every((field) => EDITABLE_WHEN_OVER.has(field))) return null;
  return `This job is ${status}; only its title, key and thresholds can be changed.`;
}

function refuseRewriting(row: JobRow, patch: Patch): void {
  const reason = rewriting(row, Object.keys(patch));
  if (reason !== null) throw new NightbellError("invalid_transition", reason);
}

/** Edits a locked job and moves its grid along. Throws `validation_failed`. */
export async function writePatch(
  tx: Tx,
  row: JobRow & { grid: Grid | null },
  patch: Patch,
  now: number,
): Promise<void> {
  const measured = checkMerged(row, patch);
  const durationSeconds = patch.durationSeconds === undefined ? row.duration_seconds : patch.durationSeconds;
  const cadenceMs =
    patch.cadenceSeconds === undefined ? row.cadence_ms : Math.round(patch.cadenceSeconds * 1_000);
  const before = stateOf(row, row.grid);
  const endsAt = before.startedAt === null ? null : endOf(before.startedAt, durationSeconds);
  if (patch.durationSeconds !== undefined && endsAt !== null && endsAt <= now) throw endsInThePast();

  await tx
    .updateTable("jobs")
    .set({
      key: patch.key === undefined ? row.key : patch.key,
      // Under another key its files do not know it any more: it is out of their hands.
      managed_by: patch.key === undefined || patch.key === row.key ? row.managed_by : null,
      title: patch.title ?? row.title,
      target: measured.target,
      options: JSON.stringify(measured.options),
      cadence_ms: cadenceMs,
      duration_seconds: durationSeconds,
      monitoring_mode: patch.monitoringMode ?? row.monitoring_mode,
      simulation: JSON.stringify(patch.simulation ?? row.simulation),
      locations: patch.locations ?? row.locations,
      thresholds: JSON.stringify(patch.thresholds ?? row.thresholds),
      ends_at: endsAt === null ? null : new Date(endsAt),
      version: row.version + 1,
    })
    .where("job_no", "=", row.job_no)
    .execute();
  const addedLocations = (patch.locations ?? row.locations).length - row.locations.length;
  const change = editGrid({ ...before, cadenceMs, durationSeconds, endsAt }, addedLocations, now);
  await writeGrids(tx, [{ jobNo: row.job_no, latest: row.grid, change }]);
}

/** Options are replaced as a whole, and must fit the job's type as the target must. */
function checkMerged(row: JobRow, patch: Patch): { target: string; options: Record<string, unknown> } {
  const merged = {
    type: row.type,
    target: patch.target ?? row.target,
    options: patch.options ?? row.options,
  };
  const errors: FieldError[] = [];
  checkTyped(merged, {
    addIssue: ({ path, message }) => errors.push({ path: path.map(String).join("."), message }),
  });
  if (errors.length > 0) throw invalid(errors);
  return merged;
}

function endsInThePast(): NightbellError {
  return invalid([
    { path: "durationSeconds", message: "would have ended already; cancel the job to end it now" },
  ]);
}
