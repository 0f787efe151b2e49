import type { Db, Tx } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import { selectJobs } from "./queries.js";
import type { JobRow } from "./row.js";

/** A job of the organisation; throws `not_found` for everybody else's. */
export async function findJob(db: Db | Tx, organisationId: string, id: string): Promise<JobRow> {
  const [row] = await selectJobs(db, organisationId, [id]);
  if (row === undefined) throw noJob();
  return row;
}

export function noJob(): NightbellError {
  return new NightbellError("not_found", "There is no such job in your organisation.");
}
