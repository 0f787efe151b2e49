// The sessions of a person, as they see and end them themselves.
import type { OpenSessionPage, PageQuery } from "@nightbell/contract";
import type { Db } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import { pageByTime } from "../../platform/pagination.js";
import { countSessions, deleteSessionsOf, listSessions, type SessionRow } from "./queries.js";
import { hashOf } from "./token-hash.js";

export async function listOpenSessions(
  db: Db,
  userId: string,
  token: string,
  query: PageQuery,
  now: number,
): Promise<OpenSessionPage> {
  const person = { userId, tokenHash: hashOf(token), now: new Date(now) };
  const { rows, pagination } = await pageByTime(
    "sessions",
    query,
    (window) => listSessions(db, person, window),
    () => countSessions(db, userId, person.now),
  );
  return { data: rows.map(toApi), pagination };
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
