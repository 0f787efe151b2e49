// Registration: account, organisation, membership and first session commit together, so an account is usable at once.
import type { RegisterBody } from "@nightbell/contract";
import { sql } from "kysely";
import { uuidv7 } from "uuidv7";
import type { z } from "zod";
import type { Db, Tx } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import { hashPassword } from "./password.js";
import { existsAnyUser, findAccount } from "./queries.js";
import type { OpenedSession } from "./login.js";
import { openSession } from "./sessions.js";

export interface RegistrationRules {
  /** Whether more accounts may follow the first. */
  readonly isOpen: boolean;
  readonly sessionDays: number;
}

/** Held while the first account of all is made, so that of two who race for it one is refused. */
const FIRST_ACCOUNT_LOCK = 0x4e42_0002;

/** Throws `registration_closed` or `email_taken`. */
export async function register(
  db: Db,
  rules: RegistrationRules,
  body: z.output<typeof RegisterBody>,
  now: number,
): Promise<OpenedSession> {
  // Before the expensive hash; the transaction decides.
  if (!rules.isOpen && (await existsAnyUser(db))) throw closed();
  const passwordHash = await hashPassword(body.password);
  return db.transaction().execute(async (tx) => {
    if (!rules.isOpen) await claimFirstAccount(tx);
    const userId = uuidv7();
    const organisationId = uuidv7();
    const created_at = new Date(now);
    await tx
      .insertInto("organisations")
      .values({ id: organisationId, name: `${body.name}'s organisation`, created_at })
      .execute();
    const inserted = await tx
      .insertInto("users")
      .values({ id: userId, email: body.email, name: body.name, password_hash: passwordHash, created_at })
      .onConflict((conflict) => conflict.column("email").doNothing())
      .returning("id")
      .executeTakeFirst();
    if (inserted === undefined) {
      throw new NightbellError("email_taken", `${body.email} has an account; log in instead.`);
    }
    await tx
      .insertInto("memberships")
      .values({ organisation_id: organisationId, user_id: userId, role: "owner", created_at })
      .execute();
    const token = await openSession(tx, { userId, organisationId }, rules.sessionDays, now);
    const account = await findAccount(tx, organisationId, userId);
    if (account === undefined) throw new Error("the account just made is not there");
    return { token, account };
  });
}

async function claimFirstAccount(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(${FIRST_ACCOUNT_LOCK})`.execute(tx);
  if (await existsAnyUser(tx)) throw closed();
}

function closed(): NightbellError {
  return new NightbellError(
    "registration_closed",
    "This Nightbell has its first account; set OPEN_REGISTRATION=true to let others register.",
  );
}
