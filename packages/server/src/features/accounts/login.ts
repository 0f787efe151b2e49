// Log-in, with a brake on guessing that costs a bounded amount of memory.
import type { LoginBody } from "@nightbell/contract";
import type { z } from "zod";
import type { Clock } from "../../platform/clock.js";
import type { Db } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import { addressKey } from "../../platform/http/rate-limit.js";
import { RateLimiter } from "../../platform/limits.js";
import { verifyPassword } from "./password.js";
import { type AccountRow, findAccountByEmail } from "./queries.js";
import { openSession } from "./sessions.js";

export interface OpenedSession {
  readonly token: string;
  readonly account: AccountRow;
}

export type LogIn = (body: z.output<typeof LoginBody>, ip: string) => Promise<OpenedSession>;

const QUARTER_HOUR_MS = 900_000;
/** Somebody who forgot a password tries about five. */
const FAILURES_PER_EMAIL = 10;
/** Many people may sit behind one address; one who tries many accounts is stopped all the same. */
const FAILURES_PER_ADDRESS = 100;

/** Throws `invalid_credentials`, or `rate_limited` after too many of them. */
export function createLogIn(db: Db, clock: Clock, sessionDays: number): LogIn {
  const byEmail = new RateLimiter({ count: FAILURES_PER_EMAIL, perMs: QUARTER_HOUR_MS }, clock);
  const byAddress = new RateLimiter({ count: FAILURES_PER_ADDRESS, perMs: QUARTER_HOUR_MS }, clock);

  return async (body, ip) => {
    const address = addressKey(ip);
    const pair = `${address} ${body.email}`;
    // Counted before the password is looked at, so that parallel guesses cannot slip past; given back on success.
    for (const [limiter, key] of [
      [byEmail, pair],
      [byAddress, address],
    ] as const) {
      const result = limiter.consume(key);
      if (!result.allowed) throw tooMany(result.retryAfterMs);
    }
    const account = await findAccountByEmail(db, body.email);
    if (!(await verifyPassword(body.password, account?.password_hash ?? null)) || account === undefined) {
      throw new NightbellError(
        "invalid_credentials",
        "No account has this email address and password. Check both, or register.",
      );
    }
    byEmail.reset(pair);
    byAddress.giveBack(address);
    const ids = { userId: account.id, organisationId: account.organisation_id };
    return { token: await openSession(db, ids, sessionDays, clock.now()), account };
  };
}

function tooMany(retryAfterMs: number): NightbellError {
  const retryAfterSeconds = Math.ceil(retryAfterMs / 1_000);
  return new NightbellError(
    "rate_limited",
    `Too many failed attempts; try again in ${retryAfterSeconds} seconds.`,
    { retryAfterSeconds },
  );
}
