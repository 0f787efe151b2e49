// Lists by page or by cursor (P4). A cursor holds the sort keys of the last row, so that the next page starts at the
// same place whatever was inserted meanwhile, and costs the same at any depth.
import { createHash } from "node:crypto";
import type { PageQuery, Pagination } from "@nightbell/contract";
import { z } from "zod";
import type { NightbellError } from "./errors.js";
import { invalid } from "./http/validation.js";

/** Identifies a list: a cursor of one sort or filter means nothing in another. */
export function cursorScope(list: string, query: object): string {
  const {
    page: _page,
    limit: _limit,
    cursor: _cursor,
    ...rest
  } = query as Partial<PageQuery> & Record<string, unknown>;
  const text = JSON.stringify([list, Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1))]);
  return createHash("sha256").update(text).digest("base64url").slice(0, 8);
}

export function encodeCursor(scope: string, keys: readonly unknown[]): string {
  return Buffer.from(JSON.stringify([scope, ...keys])).toString("base64url");
}

/** Reads a cursor whose keys have the given form; throws `validation_failed` for anything else. */
export function decodeCursor<Keys extends z.ZodType>(
  cursor: string,
  scope: string,
  keys: Keys,
): z.output<Keys> {
  const parsed = z.tuple([z.string()]).rest(z.unknown()).safeParse(parseJson(cursor));
  if (!parsed.success) throw refuse("is not a cursor of this API");
  const [from, ...values] = parsed.data;
  if (from !== scope) throw refuse("belongs to a list with another sort or filter; start again without it");
  const result = keys.safeParse(values);
  if (!result.success) throw refuse("is not a cursor of this API");
  return result.data;
}

/** Throws when a list is asked for both ways at once. */
export function refusePageWithCursor(query: PageQuery): void {
  if (query.page !== undefined && query.cursor !== undefined) {
    throw refuse("cannot be combined with page");
  }
}

export function pagination(
  query: PageQuery,
  found: { total: number; isEstimate: boolean; hasNextPage: boolean; nextCursor: string | null },
): Pagination {
  const page = query.cursor === undefined ? (query.page ?? 1) : null;
  return {
    page,
    limit: query.limit,
    totalItems: found.total,
    totalIsEstimate: found.isEstimate,
    totalPages: Math.ceil(found.total / query.limit),
    hasNextPage: found.hasNextPage,
    hasPreviousPage: page === null || page > 1,
    nextCursor: found.hasNextPage ? found.nextCursor : null,
  };
}

/** A row of a list in order of time; the id decides between those of one time. */
export interface TimedRow {
  readonly id: string;
  /** The time as Postgres writes it, to the microsecond, which a Date would cut. */
  readonly time_key: string;
}

/** What to read of such a list: the rows after one, or beyond so many. */
export interface TimeWindow {
  readonly after: { readonly time: string; readonly id: string } | null;
  readonly offset: number;
  /** One more than is shown, which tells whether there is a next page. */
  readonly limit: number;
}

const TimeKeys = z.tuple([z.string().regex(/^\d{4}-\d\d-\d\d [\d:.]{8,15}[+-][\d:]{2,8}$/), z.uuid()]);

/** A page of a list in order of time, whose total is counted. Throws `validation_failed`. */
export async function pageByTime<Row extends TimedRow>(
  list: string,
  query: PageQuery,
  read: (window: TimeWindow) => Promise<readonly Row[]>,
  count: () => Promise<number>,
): Promise<{ rows: Row[]; pagination: Pagination }> {
  refusePageWithCursor(query);
  const scope = cursorScope(list, query);
  const keys = query.cursor === undefined ? null : decodeCursor(query.cursor, scope, TimeKeys);
  const [rows, total] = await Promise.all([
    read({
      after: keys && { time: keys[0], id: keys[1] },
      offset: ((query.page ?? 1) - 1) * query.limit,
      limit: query.limit + 1,
    }),
    count(),
  ]);
  const shown = rows.slice(0, query.limit);
  const last = shown.at(-1);
  return {
    rows: shown,
    pagination: pagination(query, {
      total,
      isEstimate: false,
      hasNextPage: rows.length > query.limit,
      nextCursor: last === undefined ? null : encodeCursor(scope, [last.time_key, last.id]),
    }),
  };
}

function parseJson(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch {
    return null;
  }
}

function refuse(message: string): NightbellError {
  return invalid([{ path: "cursor", message }]);
}
