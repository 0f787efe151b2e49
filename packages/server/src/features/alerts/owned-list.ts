// Lists of what an organisation has a few of: rules and maintenance windows, oldest first.
import type { PageQuery, Pagination } from "@nightbell/contract";
import { sql } from "kysely";
import type { Db, Tx } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import { pageByTime, type TimedRow } from "../../platform/pagination.js";

type Table = "alert_rules" | "maintenance_windows";

/** Each evaluator keeps the state of every rule for every job it selects. */
const MAX_OWNED = 200;

/** Ids in their order, by <table>_by_organisation. */
export async function listOwned(
  db: Db,
  table: Table,
  organisationId: string,
  query: PageQuery,
): Promise<{ ids: string[]; pagination: Pagination }> {
  const { rows, pagination } = await pageByTime(
    table,
    query,
    async ({ after, offset, limit }) => {
      const found = await sql<TimedRow>`
        select id, created_at::text as time_key from ${sql.table(table)}
        where organisation_id = ${organisationId}
          and (${after === null} or (created_at, id) > (${after?.time}::timestamptz, ${after?.id}::uuid))
        order by created_at, id
        limit ${limit} offset ${offset}`.execute(db);
      return found.rows;
    },
    () => countOwned(db, table, organisationId),
  );
  return { ids: rows.map(({ id }) => id), pagination };
}

/** Throws `limit_reached`. Two who ask at once may both be let through; a bound need not be sharper. */
export async function refuseTooMany(db: Db | Tx, table: Table, organisationId: string): Promise<void> {
  if ((await countOwned(db, table, organisationId)) < MAX_OWNED) return;
  const what = table === "alert_rules" ? "alert rules" : "maintenance windows";
  throw new NightbellError(
    "limit_reached",
    `An organisation has at most ${MAX_OWNED} ${what}; delete one that is not needed, or let one cover more jobs.`,
  );
}

async function countOwned(db: Db | Tx, table: Table, organisationId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) from ${sql.table(table)} where organisation_id = ${organisationId}`.execute(db);
  return rows[0]?.count ?? 0;
}
