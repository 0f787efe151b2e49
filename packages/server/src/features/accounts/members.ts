// The accounts of an organisation, and what its owner decides about them.
import type { Member, MemberPage, MemberPatch, PageQuery } from "@nightbell/contract";
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
import { type AccountRow, countAccounts, findAccount, listAccounts } from "./queries.js";

/** A time as Postgres writes it, and the id. */
const CursorKeys = z.tuple([z.string().regex(/^\d{4}-\d\d-\d\d [\d:.]{8,15}[+-][\d:]{2,8}$/), z.uuid()]);

export async function listMembers(db: Db, organisationId: string, query: PageQuery): Promise<MemberPage> {
  refusePageWithCursor(query);
  const scope = cursorScope("members", query);
  const after = query.cursor === undefined ? null : decodeCursor(query.cursor, scope, CursorKeys);
  const [rows, total] = await Promise.all([
    listAccounts(db, organisationId, {
      after: after === null ? null : { joinedAt: after[0], id: after[1] },
      offset: ((query.page ?? 1) - 1) * query.limit,
      limit: query.limit + 1,
    }),
    countAccounts(db, organisationId),
  ]);
  const shown = rows.slice(0, query.limit);
  const last = shown.at(-1);
  return {
    data: shown.map(toMember),
    pagination: pagination(query, {
      total,
      isEstimate: false,
      hasNextPage: rows.length > query.limit,
      nextCursor: last === undefined ? null : encodeCursor(scope, [last.joined_key, last.id]),
    }),
  };
}

/** Marks an account as one that may run simulated jobs in production (M18), or takes the mark away. */
export async function editMember(
  db: Db,
  organisationId: string,
  userId: string,
  patch: MemberPatch,
): Promise<Member> {
  return db.transaction().execute(async (tx) => {
    if ((await findAccount(tx, organisationId, userId)) === undefined) throw noMember();
    await tx
      .updateTable("users")
      .set({ is_test_account: patch.isTestAccount, updated_at: new Date() })
      .where("id", "=", userId)
      .execute();
    const account = await findAccount(tx, organisationId, userId);
    if (account === undefined) throw noMember();
    return toMember(account);
  });
}

function noMember(): NightbellError {
  return new NightbellError("not_found", "Your organisation has no such member.");
}

function toMember(account: AccountRow): Member {
  return {
    id: account.id,
    email: account.email,
    name: account.name,
    role: account.role,
    isTestAccount: account.is_test_account,
    joinedAt: account.joined_at.toISOString(),
  };
}
