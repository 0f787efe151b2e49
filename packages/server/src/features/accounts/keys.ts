// API keys: a program acts for whoever made its key, with no more rights than either. The database keeps the hash.
import { randomBytes } from "node:crypto";
import type { ApiKey, ApiKeyCreate, ApiKeyPage, NewApiKey, PageQuery, Role } from "@nightbell/contract";
import { sql } from "kysely";
import { uuidv7 } from "uuidv7";
import type { z } from "zod";
import type { Db } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import { type Account, includesRole, lowerRole } from "../../platform/http/access.js";
import { invalid } from "../../platform/http/validation.js";
import { pageByTime, type TimeWindow } from "../../platform/pagination.js";
import { hashOf } from "./token-hash.js";

/** Says to people, and to scanners of what is published by mistake, what it is. */
const PREFIX = "nbk_";
const TOKEN_BYTES = 32;
const DAY_MS = 86_400_000;
/** Of one person in one organisation. */
const MAX_KEYS = 50;

type Owner = Pick<Account, "userId" | "organisationId">;

export function isKey(token: string): boolean {
  return token.startsWith(PREFIX);
}

/** Throws `validation_failed` for a role above the maker's, and `limit_reached`. */
export async function createKey(
  db: Db,
  maker: Owner & Pick<Account, "role">,
  { name, role, expiresInDays }: z.output<typeof ApiKeyCreate>,
  now: number,
): Promise<NewApiKey> {
  if (!includesRole(maker.role, role)) {
    throw invalid([{ path: "role", message: `must not be above your own, which is ${maker.role}` }]);
  }
  if ((await countKeys(db, maker)) >= MAX_KEYS) {
    throw new NightbellError("limit_reached", `You have ${MAX_KEYS} keys; revoke one that is not used.`);
  }
  const token = PREFIX + randomBytes(TOKEN_BYTES).toString("base64url");
  const row = await db
    .insertInto("api_keys")
    .values({
      id: uuidv7(),
      organisation_id: maker.organisationId,
      user_id: maker.userId,
      name,
      role,
      token_hash: hashOf(token),
      created_at: new Date(now),
      expires_at: expiresInDays === null ? null : new Date(now + expiresInDays * DAY_MS),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return { ...toApi(row), token };
}

export async function listKeys(db: Db, owner: Owner, query: PageQuery): Promise<ApiKeyPage> {
  const { rows, pagination } = await pageByTime(
    "api_keys",
    query,
    (window) => selectKeys(db, owner, window),
    () => countKeys(db, owner),
  );
  return { data: rows.map(toApi), pagination };
}

/** Throws `not_found`, also for those of others. */
export async function revokeKey(db: Db, owner: Owner, id: string): Promise<void> {
  const { numDeletedRows } = await db
    .deleteFrom("api_keys")
    .where("id", "=", id)
    .where("user_id", "=", owner.userId)
    .where("organisation_id", "=", owner.organisationId)
    .executeTakeFirst();
  if (numDeletedRows === 0n) throw new NightbellError("not_found", "You have no such key.");
}

/** Served by the unique index on api_keys.token_hash. */
export async function findKey(
  db: Db,
  tokenHash: Buffer,
  now: Date,
): Promise<{ account: Account; id: string; lastUsedAt: Date | null } | null> {
  const row = await db
    .selectFrom("api_keys")
    .innerJoin("users", "users.id", "api_keys.user_id")
    .innerJoin("memberships", (join) =>
      join
        .onRef("memberships.user_id", "=", "api_keys.user_id")
        .onRef("memberships.organisation_id", "=", "api_keys.organisation_id"),
    )
    .select([
      "api_keys.id",
      "api_keys.user_id",
      "api_keys.organisation_id",
      "api_keys.last_used_at",
      "users.is_test_account",
      sql<Role>`api_keys.role`.as("role"),
      sql<Role>`memberships.role`.as("maker_role"),
    ])
    .where("api_keys.token_hash", "=", tokenHash)
    .where((eb) => eb.or([eb("api_keys.expires_at", "is", null), eb("api_keys.expires_at", ">", now)]))
    .executeTakeFirst();
  if (row === undefined) return null;
  const account: Account = {
    userId: row.user_id,
    organisationId: row.organisation_id,
    role: lowerRole(row.role, row.maker_role),
    isTestAccount: row.is_test_account,
    keyId: row.id,
  };
  return { account, id: row.id, lastUsedAt: row.last_used_at };
}

export async function noteKeyUse(db: Db, id: string, now: Date): Promise<void> {
  await db.updateTable("api_keys").set({ last_used_at: now }).where("id", "=", id).execute();
}

function ofOwner(db: Db, { userId, organisationId }: Owner) {
  return db
    .selectFrom("api_keys")
    .where("user_id", "=", userId)
    .where("organisation_id", "=", organisationId);
}

/** Served by api_keys_by_user. */
function selectKeys(db: Db, owner: Owner, { after, offset, limit }: TimeWindow) {
  return ofOwner(db, owner)
    .selectAll()
    .select(sql<string>`created_at::text`.as("time_key"))
    .$if(after !== null, (select) =>
      select.where(sql<boolean>`(created_at, id) < (${after?.time}::timestamptz, ${after?.id}::uuid)`),
    )
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .offset(offset)
    .limit(limit)
    .execute();
}

async function countKeys(db: Db, owner: Owner): Promise<number> {
  const { count } = await ofOwner(db, owner)
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow();
  return count;
}

function toApi(row: {
  id: string;
  name: string;
  role: string;
  created_at: Date;
  expires_at: Date | null;
  last_used_at: Date | null;
}): ApiKey {
  return {
    id: row.id,
    name: row.name,
    role: row.role as Role,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at?.toISOString() ?? null,
    lastUsedAt: row.last_used_at?.toISOString() ?? null,
  };
}
