// Pollers that cannot reach their own reference targets, and when they could not (M16).
import { sql } from "kysely";
import type { Db } from "../../platform/db.js";
import type { ReferenceStats } from "./reference-stats.js";

export interface OfflinePoller {
  readonly id: string;
  readonly name: string;
  readonly location: string;
  /** Whose location it is; null for a shared one. */
  readonly organisationId: string | null;
  readonly references: ReferenceStats;
}

/** Living pollers that are offline, or were within the last day. */
export async function offlinePollers(db: Db): Promise<OfflinePoller[]> {
  const { rows } = await sql<OfflinePoller>`
    select id, pollers.name, locations.name as location, organisation_id as "organisationId",
      stats -> 'references' as "references"
    from pollers join locations using (location_no)
    where state <> 'dead' and (stats #>> '{references,offlineSince}' is not null
      or stats #> '{references,offlinePeriods}' <> '[]')`.execute(db);
  return rows;
}
