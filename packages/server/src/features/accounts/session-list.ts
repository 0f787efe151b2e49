// The sessions of a person, as they see and end them themselves.
import type { OpenSessionPage, PageQuery } from "@nightbell/contract";
import { z } from "zod";
import type { Db } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import {
  cursorScope,
  decodeCursor,
  encodeCursor,
  pagination,
  refusePageWithCursor,
} from "../../platform/pagination.js";
import { countSessions, deleteSessionsOf, listSessions, type SessionRow } from "./queries.js";
import { hashOf } from "./token-hash.js";

/** A time as Postgres writes it, and the id. */
const CursorKeys = z.tuple([z.string().regex(/^\d{4}-\d\d-\d\d [\d:.]{8,15}[+-][\d:]{2,8}$/), z.uuid()]);

export async function listOpenSessions(
  db: Db,
  userId: string,
  token: string,
  query: PageQuery,
  now: number,
): Promise<OpenSessionPage> {
  refusePageWithCursor(query);
  const scope = cursorScope("sessions", query);
  const after = query.cursor === undefined ? null : decodeCursor(query.cursor, scope, CursorKeys);
  const person = { userId, tokenHash: hashOf(token), now: new Date(now) };
  const [rows, total] = await Promise.all([
    listSessions(db, person, {
      after: after === null ? null : { createdAt: after[0], id: after[1] },
      offset: ((query.page ?? 1) - 1) * query.limit,
      limit: query.limit + 1,
    }),
    countSessions(db, userId, person.now),
  ]);
  const shown = rows.slice(0, query.limit);
  const last = shown.at(-1);
  return {
    data: shown.map(toApi),
    pagination: pagination(query, {
      total,
      isEstimate: false,
      hasNextPage: rows.length > query.limit,
      nextCursor: last === undefined ? null : encodeCursor(scope, [last.created_key, last.id]),
    }),
  };
}

/** Throws `not_found`, also for those of others. */
export async function endSession(db: Db, userId: string, id: string): Promise<void> {
  if ((await deleteSessionsOf(db, userId, { id })) === 0) {
    throw new NightbellError("not_found", "You have no such session; it may have ended by itself.");
  }
}

export async function endOtherSessions(db: Db, userId: string, token: string): Promise<void> {
  await deleteSessionsOf(db, userId, { exceptHash: hashOf(token) });
}

function toApi(row: SessionRow): OpenSessionPage["data"][number] {
  return {
    id: row.id,
    address: row.address,
    userAgent: row.user_agent,
    createdAt: row.created_at.toISOString(),
    lastUsedAt: row.last_used_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
    isCurrent: row.is_current,
  };
}
