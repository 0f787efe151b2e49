// Sessions: the client holds a random token, the database its SHA-256, which is enough for a token nobody can guess.
import { randomBytes } from "node:crypto";
import { uuidv7 } from "uuidv7";
import type { Clock } from "../../platform/clock.js";
import { type Db, failureLevel, type Tx } from "../../platform/db.js";
import type { Account, Authenticate } from "../../platform/http/access.js";
import type { Logger } from "../../platform/log.js";
import { findKey, isKey, noteKeyUse } from "./keys.js";
import {
  deleteExpiredSessions,
  deleteSession,
  findSession,
  insertSession,
  noteSessionUse,
} from "./queries.js";
import { hashOf } from "./token-hash.js";

const TOKEN_BYTES = 32;
const DAY_MS = 86_400_000;
const REMOVAL_BATCH = 10_000;
const MAX_USER_AGENT = 400;

/** Who opens a session, for them to know it again. */
export interface Visitor {
  readonly address: string;
  readonly userAgent: string | undefined;
}

/** Opens a session of an account in an organisation and returns its token, which is kept nowhere. */
export async function openSession(
  db: Db | Tx,
  account: { userId: string; organisationId: string },
  { address, userAgent }: Visitor,
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
    last_used_at: new Date(now),
    address,
    user_agent: userAgent?.slice(0, MAX_USER_AGENT) ?? null,
  });
  return token;
}

/**
 * For so long a session that was found is not looked up again. What another instance changes about it, or revokes, takes
 * effect so much later at most; what this one does, at once.
 */
const FRESH_MS = 2_000;
/** Of `last_used_at`: written no oftener than this. */
const USE_PRECISION_MS = 60_000;
/** Of sessions and keys remembered; at the bound the one looked up longest ago is forgotten. */
const MAX_REMEMBERED = 10_000;

/** How the API finds out who calls, without asking the database at every request. */
export class Sessions {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** By the hash of the token, the longest known first. */
  readonly #found = new Map<string, { readonly account: Account; readonly at: number }>();

  constructor(db: Db, clock: Clock, log: Logger) {
    this.#db = db;
    this.#clock = clock;
    this.#log = log;
  }

  readonly #notNoted = (error: unknown): void => {
    this.#log[failureLevel(error)]({ err: error }, "the use of a session or key could not be noted");
  };

  readonly authenticate: Authenticate = async (token) => {
    const hash = hashOf(token);
    const key = hash.toString("base64");
    const known = this.#found.get(key);
    if (known !== undefined && this.#clock.monotonic() - known.at < FRESH_MS) return known.account;
    this.#found.delete(key);
    const at = this.#clock.monotonic();
    const account = await (isKey(token) ? this.#ofKey(hash) : this.#ofSession(hash));
    if (account === null) return null;
    this.#found.set(key, { account, at });
    const [oldest] = this.#found.keys();
    if (this.#found.size > MAX_REMEMBERED && oldest !== undefined) this.#found.delete(oldest);
    return account;
  };

  async #ofSession(hash: Buffer): Promise<Account | null> {
    const now = new Date(this.#clock.now());
    const session = await findSession(this.#db, hash, now);
    if (session === undefined) return null;
    if (isWorthNoting(session.last_used_at, now)) {
      // Nobody is refused because it cannot be noted.
      await noteSessionUse(this.#db, session.id, now).catch(this.#notNoted);
    }
    return {
      userId: session.user_id,
      organisationId: session.organisation_id,
      role: session.role,
      isTestAccount: session.is_test_account,
    };
  }

  async #ofKey(hash: Buffer): Promise<Account | null> {
    const now = new Date(this.#clock.now());
    const found = await findKey(this.#db, hash, now);
    if (found === null) return null;
    if (isWorthNoting(found.lastUsedAt, now)) {
      await noteKeyUse(this.#db, found.id, now).catch(this.#notNoted);
    }
    return found.account;
  }

  /** Ends the session of a token. Throws when the database cannot be used; then it goes on. */
  async close(token: string): Promise<void> {
    const hash = hashOf(token);
    await deleteSession(this.#db, hash);
    this.#found.delete(hash.toString("base64"));
  }

  /** The account has been changed: its sessions are looked up anew. */
  forget(userId: string): void {
    for (const [key, { account }] of this.#found) if (account.userId === userId) this.#found.delete(key);
  }
}

/** Removes what has expired; a task of the scheduler. */
export async function removeExpiredSessions(db: Db, now: number): Promise<void> {
  while ((await deleteExpiredSessions(db, new Date(now), REMOVAL_BATCH)) === REMOVAL_BATCH);
}

function isWorthNoting(lastUsedAt: Date | null, now: Date): boolean {
  return lastUsedAt === null || now.getTime() - lastUsedAt.getTime() >= USE_PRECISION_MS;
}
