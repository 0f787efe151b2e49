// A new password for somebody who knows the old one.
import type { PasswordChange } from "@nightbell/contract";
import type { z } from "zod";
import type { Clock } from "../../platform/clock.js";
import type { Db } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import { invalid } from "../../platform/http/validation.js";
import { RateLimiter } from "../../platform/limits.js";
import { hashPassword, verifyPassword } from "./password.js";
import { deleteSessionsOf, findPasswordHash } from "./queries.js";
import { hashOf } from "./token-hash.js";

/** Whoever sits at an open session must not be able to guess the password. */
const TRIES = 5;
const TRIES_MS = 15 * 60_000;

export type ChangePassword = (
  userId: string,
  token: string,
  body: z.output<typeof PasswordChange>,
) => Promise<void>;

/**
 * Ends all other sessions of the person; API keys go on. Throws `validation_failed` for a wrong current password, and
 * `rate_limited` after too many of them.
 */
export function createPasswordChange(db: Db, clock: Clock): ChangePassword {
  const tries = new RateLimiter({ count: TRIES, perMs: TRIES_MS }, clock);
  return async (userId, token, { currentPassword, newPassword }) => {
    // Counted before the password is looked at, so that parallel tries cannot slip past; given back on success.
    const { allowed, retryAfterMs } = tries.consume(userId);
    if (!allowed) throw tooMany(retryAfterMs);
    if (!(await verifyPassword(currentPassword, await findPasswordHash(db, userId)))) {
      throw invalid([{ path: "currentPassword", message: "is not your password" }]);
    }
    tries.reset(userId);
    const passwordHash = await hashPassword(newPassword);
    await db.transaction().execute(async (tx) => {
      await tx
        .updateTable("users")
        .set({ password_hash: passwordHash, updated_at: new Date(clock.now()) })
        .where("id", "=", userId)
        .execute();
      await deleteSessionsOf(tx, userId, { exceptHash: hashOf(token) });
    });
  };
}

function tooMany(retryAfterMs: number): NightbellError {
  const retryAfterSeconds = Math.ceil(retryAfterMs / 1_000);
  return new NightbellError(
    "rate_limited",
    `Too many wrong passwords; try again in ${retryAfterSeconds} seconds.`,
    {
      retryAfterSeconds,
    },
  );
}
