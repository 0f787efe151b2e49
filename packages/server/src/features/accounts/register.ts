// Registration: account, organisation, membership, alert rule and first session commit together, so an account is usable at once.
import type { RegisterBody } from "@nightbell/contract";
import { sql } from "kysely";
import { uuidv7 } from "uuidv7";
import type { z } from "zod";
import type { Clock } from "../../platform/clock.js";
import type { Db, Tx } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import { addressKey } from "../../platform/http/rate-limit.js";
import { RateLimiter } from "../../platform/limits.js";
import { addDefaultRule } from "../alerts/index.js";
import { hashPassword } from "./password.js";
import { existsAnyUser, findAccount } from "./queries.js";
import type { OpenedSession } from "./login.js";
import { openSession, type Visitor } from "./sessions.js";

export interface RegistrationRules {
  /** Whether more accounts may follow the first. */
  readonly isOpen: boolean;
  /** From one address. */
  readonly perHour: number;
  readonly sessionDays: number;
}

export type Register = (body: z.output<typeof RegisterBody>, visitor: Visitor) => Promise<OpenedSession>;

const HOUR_MS = 3_600_000;

/** Held while the first account of all is made, so that of two who race for it one is refused. */
const FIRST_ACCOUNT_LOCK = 0x4e42_0002;

/** Throws `registration_closed`, `email_taken`, or `rate_limited` after too many attempts from one address. */
export function createRegister(db: Db, clock: Clock, rules: RegistrationRules): Register {
  const attempts = new RateLimiter({ count: rules.perHour, perMs: HOUR_MS }, clock);
  return async (body, visitor) => {
    // Before the expensive hash; the transaction decides.
    if (!rules.isOpen && (await existsAnyUser(db))) throw closed();
    // Also those for an address that is taken: each asks for a hash, and says who has an account.
    const address = addressKey(visitor.address);
    const { allowed, retryAfterMs } = attempts.consume(address);
    if (!allowed) throw tooMany(rules.perHour, retryAfterMs);
    return register(db, rules, body, visitor, clock.now()).catch((error: unknown) => {
      const isAnswer = error instanceof NightbellError && error.code === "email_taken";
      if (!isAnswer) attempts.giveBack(address);
      throw error;
    });
  };
}

async function register(
  db: Db,
  rules: RegistrationRules,
  body: z.output<typeof RegisterBody>,
  visitor: Visitor,
  now: number,
): Promise<OpenedSession> {
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
    await addDefaultRule(tx, organisationId, now);
    const token = await openSession(tx, { userId, organisationId }, visitor, rules.sessionDays, now);
    const account = await findAccount(tx, organisationId, userId);
    if (account === undefined) throw new Error("the account just made is not there");
    return { token, account };
  });
}

async function claimFirstAccount(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(${FIRST_ACCOUNT_LOCK})`.execute(tx);
  if (await existsAnyUser(tx)) throw closed();
}

function tooMany(perHour: number, retryAfterMs: number): NightbellError {
  const retryAfterSeconds = Math.ceil(retryAfterMs / 1_000);
  return new NightbellError(
    "rate_limited",
    `From your address ${perHour} accounts an hour can be registered; try again in ${retryAfterSeconds} seconds.`,
    { retryAfterSeconds },
  );
}

function closed(): NightbellError {
  return new NightbellError(
    "registration_closed",
    "This Nightbell has its first account; set OPEN_REGISTRATION=true to let others register.",
  );
}
