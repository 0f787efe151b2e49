import type { Profile, ProfilePatch, User } from "@nightbell/contract";
import type { Db } from "../../platform/db.js";
import type { Account } from "../../platform/http/access.js";
import { type AccountRow, findAccount } from "./queries.js";

export async function readProfile(db: Db, account: Account): Promise<Profile> {
  const row = await findAccount(db, account.organisationId, account.userId);
  if (row === undefined) throw new Error("the account of a valid session is not there");
  return toProfile(row);
}

export async function editProfile(
  db: Db,
  account: Account,
  patch: ProfilePatch,
  now: number,
): Promise<Profile> {
  await db
    .updateTable("users")
    .set({
      ...(patch.name === undefined ? {} : { name: patch.name }),
      ...(patch.timeZone === undefined ? {} : { time_zone: patch.timeZone }),
      ...(patch.skills === undefined ? {} : { skills: patch.skills }),
      ...(patch.completionEmails === undefined ? {} : { completion_emails: patch.completionEmails }),
      updated_at: new Date(now),
    })
    .where("id", "=", account.userId)
    .execute();
  return readProfile(db, account);
}

export function toUser(account: AccountRow): User {
  return {
    id: account.id,
    email: account.email,
    name: account.name,
    timeZone: account.time_zone,
    skills: account.skills,
    isTestAccount: account.is_test_account,
    organisation: { id: account.organisation_id, name: account.organisation_name, role: account.role },
    createdAt: account.created_at.toISOString(),
  };
}

/** The address somebody registered with reaches them by email; nobody has proved yet that it is theirs. */
function toProfile(account: AccountRow): Profile {
  return {
    ...toUser(account),
    contactMethods: [{ id: account.id, channel: "email", address: account.email, isVerified: false }],
    completionEmails: account.completion_emails,
  };
}
