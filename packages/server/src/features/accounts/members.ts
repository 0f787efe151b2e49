// The accounts of an organisation, and what its owner decides about them.
import type { Member, MemberPage, MemberPatch, PageQuery } from "@nightbell/contract";
import type { Db } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import { pageByTime } from "../../platform/pagination.js";
import { type AccountRow, countAccounts, findAccount, listAccounts } from "./queries.js";

export async function listMembers(db: Db, organisationId: string, query: PageQuery): Promise<MemberPage> {
  const { rows, pagination } = await pageByTime(
    "members",
    query,
    (window) => listAccounts(db, organisationId, window),
    () => countAccounts(db, organisationId),
  );
  return { data: rows.map(toMember), pagination };
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
