// Lists of what an organisation has a few of: rules and maintenance windows, oldest first.
import type { PageQuery, Pagination } from "@nightbell/contract";
import { sql } from "kysely";
import { z } from "zod";
import type { Db, Tx } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import {
  cursorScope,
  decodeCursor,
  encodeCursor,
  pagination,
  refusePageWithCursor,
} from "../../platform/pagination.js";

type Table = "alert_rules" | "maintenance_windows";

/** Each evaluator keeps the state of every rule for every job it selects. */
const MAX_OWNED = 200;

/** A time as Postgres writes it, and the id. */
const CursorKeys = z.tuple([z.string().regex(/^\d{4}-\d\d-\d\d [\d:.]{8,15}[+-][\d:]{2,8}$/), z.uuid()]);

/** Ids in their order, by <table>_by_organisation. */
export async function listOwned(
  db: Db,
  table: Table,
  organisationId: string,
  query: PageQuery,
): Promise<{ ids: string[]; pagination: Pagination }> {
  refusePageWithCursor(query);
  const scope = cursorScope(table, query);
  const after = query.cursor === undefined ? null : decodeCursor(query.cursor, scope, CursorKeys);
  const { rows } = await sql<{ id: string; created_key: string }>`
    select id, created_at::text as created_key from ${sql.table(table)}
    where organisation_id = ${organisationId}
      and (${after === null} or (created_at, id) > (${after?.[0]}::timestamptz, ${after?.[1]}::uuid))
    order by created_at, id
    limit ${query.limit + 1} offset ${((query.page ?? 1) - 1) * query.limit}`.execute(db);
  const shown = rows.slice(0, query.limit);
  const last = shown.at(-1);
  return {
    ids: shown.map(({ id }) => id),
    pagination: pagination(query, {
      total: await countOwned(db, table, organisationId),
      isEstimate: false,
      hasNextPage: rows.length > query.limit,
      nextCursor: last === undefined ? null : encodeCursor(scope, [last.created_key, last.id]),
    }),
  };
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
