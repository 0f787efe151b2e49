// Pause, resume, cancel and delete, for one job or many in one transaction.
import type { Db } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import { noJob } from "./find.js";
import { deleteJobs, lockJobs, updateStatus, writeGrids } from "./queries.js";
import { stateOf } from "./row.js";
import { type Action, decide } from "./rules.js";

export interface ChangeResult {
  readonly succeeded: string[];
  /** Jobs left as they were, and why. */
  readonly failed: { id: string; error: NightbellError }[];
}

/** Each job is changed or left alone by itself; those that change commit together. */
export function changeJobs(
  db: Db,
  organisationId: string,
  ids: readonly string[],
  action: Action,
  now: number,
): Promise<ChangeResult> {
  return db.transaction().execute(async (tx) => {
    const rows = await lockJobs(tx, organisationId, ids);
    const decided = rows.map((row) => ({ row, decision: decide(stateOf(row, row.grid), action, now) }));
    const changes = decided.flatMap(({ row, decision }) =>
      decision.ok ? [{ jobNo: row.job_no, latest: row.grid, change: decision.grid, decision }] : [],
    );
    const [first] = changes;
    if (first !== undefined) {
      const jobNos = changes.map((change) => change.jobNo);
      if (action === "delete") await deleteJobs(tx, jobNos);
      else await updateStatus(tx, jobNos, first.decision.status);
      await writeGrids(tx, changes);
    }
    const byId = new Map(decided.map((entry) => [entry.row.id, entry.decision]));
    const result: ChangeResult = { succeeded: [], failed: [] };
    for (const id of new Set(ids)) {
      const decision = byId.get(id);
      if (decision === undefined) result.failed.push({ id, error: noJob() });
      else if (decision.ok) result.succeeded.push(id);
      else result.failed.push({ id, error: new NightbellError("invalid_transition", decision.reason) });
    }
    return result;
  });
}

/** As `changeJobs` for one job; throws `not_found` or `invalid_transition`. */
export async function changeJob(
  db: Db,
  organisationId: string,
  id: string,
  action: Action,
  now: number,
): Promise<void> {
  const { failed } = await changeJobs(db, organisationId, [id], action, now);
  const [failure] = failed;
  if (failure !== undefined) throw failure.error;
}
