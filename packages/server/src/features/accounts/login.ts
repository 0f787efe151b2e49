// Log-in, with a brake on guessing.
import type { LoginBody } from "@nightbell/contract";
import type { z } from "zod";
import type { Clock } from "../../platform/clock.js";
import type { Db } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import { Guesses } from "./guesses.js";
import { verifyPassword } from "./password.js";
import { type AccountRow, findAccountByEmail } from "./queries.js";
import { openSession, type Visitor } from "./sessions.js";

export interface OpenedSession {
  readonly token: string;
  readonly account: AccountRow;
}

export type LogIn = (body: z.output<typeof LoginBody>, visitor: Visitor) => Promise<OpenedSession>;

/** Throws `invalid_credentials`, or `rate_limited` after too many of them. */
export function createLogIn(db: Db, clock: Clock, sessionDays: number): LogIn {
  const guesses = new Guesses(clock);
  return async (body, visitor) => {
    const ip = visitor.address;
    // Counted before the password is looked at, so that parallel guesses cannot slip past; given back on success.
    const waitMs = guesses.count(body.email, ip);
    if (waitMs > 0) throw tooMany(waitMs);
    const account = await verifiedAccount(db, body).catch((error: unknown) => {
      guesses.withdraw(body.email, ip);
      throw error;
    });
    if (account === null) {
      throw new NightbellError(
        "invalid_credentials",
        "No account has this email address and password. Check both, or register.",
      );
    }
    guesses.forgive(body.email, ip);
    const ids = { userId: account.id, organisationId: account.organisation_id };
    return { token: await openSession(db, ids, visitor, sessionDays, clock.now()), account };
  };
}

/** The account with this address and password; null when there is none. */
async function verifiedAccount(db: Db, body: z.output<typeof LoginBody>): Promise<AccountRow | null> {
  const account = await findAccountByEmail(db, body.email);
  // Without an account too, so that the time it takes tells nobody whether there is one.
  const isRight = await verifyPassword(body.password, account?.password_hash ?? null);
  return isRight && account !== undefined ? account : null;
}

function tooMany(retryAfterMs: number): NightbellError {
  const retryAfterSeconds = Math.ceil(retryAfterMs / 1_000);
  return new NightbellError(
    "rate_limited",
    `Too many failed attempts; try again in ${retryAfterSeconds} seconds.`,
    { retryAfterSeconds },
  );
}
