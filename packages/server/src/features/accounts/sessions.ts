// Sessions: the client holds a random token, the database its SHA-256, which is enough for a token nobody can guess.
import { createHash, randomBytes } from "node:crypto";
import { uuidv7 } from "uuidv7";
import type { Clock } from "../../platform/clock.js";
import type { Db, Tx } from "../../platform/db.js";
import type { Account, Authenticate } from "../../platform/http/access.js";
import { deleteExpiredSessions, deleteSession, findSession, insertSession } from "./queries.js";

const TOKEN_BYTES = 32;
const DAY_MS = 86_400_000;
const REMOVAL_BATCH = 10_000;

/** Opens a session of an account in an organisation and returns its token, which is kept nowhere. */
export async function openSession(
  db: Db | Tx,
  account: { userId: string; organisationId: string },
  days: number,
  now: number,
): Promise<string> {
  const token = randomBytes(TOKEN_BYTES).toString("base64url");
  await insertSession(db, {
    id: uuidv7(),
    token_hash: hashOf(token),
    user_id: account.userId,
    organisation_id: account.organisationId,
    created_at: new Date(now),
    expires_at: new Date(now + days * DAY_MS),
  });
  return token;
}

/** How the API finds out who calls. */
export function createAuthenticate(db: Db, clock: Clock): Authenticate {
  return async (token): Promise<Account | null> => {
    const session = await findSession(db, hashOf(token), new Date(clock.now()));
    return session === undefined
      ? null
      : {
          userId: session.user_id,
          organisationId: session.organisation_id,
          role: session.role,
          isTestAccount: session.is_test_account,
        };
  };
}

export async function closeSession(db: Db, token: string): Promise<void> {
  await deleteSession(db, hashOf(token));
}

/** Removes what has expired; a task of the scheduler. */
export async function removeExpiredSessions(db: Db, now: number): Promise<void> {
  while ((await deleteExpiredSessions(db, new Date(now), REMOVAL_BATCH)) === REMOVAL_BATCH);
}

function hashOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
