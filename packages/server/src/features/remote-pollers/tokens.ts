// Tokens of remote pollers: each is for one organisation and one location of its own. The database keeps its hash.
import { createHash, randomBytes } from "node:crypto";
import type {
  NewPollerToken,
  PageQuery,
  PollerToken,
  PollerTokenCreate,
  PollerTokenPage,
} from "@nightbell/contract";
import { sql } from "kysely";
import { uuidv7 } from "uuidv7";
import type { z } from "zod";
import type { Db, Tx } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import { invalid } from "../../platform/http/validation.js";
import { pageByTime, type TimedRow } from "../../platform/pagination.js";

/** Says to people, and to scanners of what is published by mistake, what it is. */
const TOKEN_PREFIX = "nbp_";
const TOKEN_BYTES = 32;
/** What such a token looks like; nothing else is looked up. */
const TOKEN = /^nbp_[\w-]{43}$/;

const MAX_TOKENS = 200;
/** They outlive their tokens, as samples refer to them; and an installation has numbers for 32,767. */
const MAX_LOCATIONS = 50;

/** Of `lastUsedAt`: written no oftener than this. */
const LAST_USE_PRECISION = "30 seconds";

/** Of a token that is valid: who its pollers measure for, and from where. */
export interface TokenHolder {
  readonly id: string;
  readonly name: string;
  readonly organisationId: string;
  readonly organisation: string;
  readonly locationNo: number;
  readonly location: string;
}

/** Throws `validation_failed` for a name that a shared location has, and `limit_reached`. */
export function createToken(
  db: Db,
  account: { organisationId: string; userId: string },
  { name, location }: z.output<typeof PollerTokenCreate>,
): Promise<NewPollerToken> {
  const token = TOKEN_PREFIX + randomBytes(TOKEN_BYTES).toString("base64url");
  return db.transaction().execute(async (tx) => {
    // First, for the number of a new location is spent even when nothing comes of it.
    await refuseTooMany(tx, account.organisationId);
    const locationNo = await ownLocation(tx, account.organisationId, location);
    const id = uuidv7();
    await tx
      .insertInto("poller_tokens")
      .values({
        id,
        organisation_id: account.organisationId,
        location_no: locationNo,
        name,
        token_hash: hashOf(token),
        created_by: account.userId,
      })
      .execute();
    const [created] = await selectTokens(tx, sql`poller_tokens.id = ${id}`, { offset: 0, limit: 1 });
    if (created === undefined) throw new Error(`the token ${id} vanished while it was created`);
    return { ...toApi(created), token };
  });
}

/** Whether there was one. Its pollers are forgotten with it. */
export async function revokeToken(db: Db, organisationId: string, id: string): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom("poller_tokens")
    .where("id", "=", id)
    .where("organisation_id", "=", organisationId)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

/** The holder of a token, whose use is noted; null when there is none (any more). By the unique index of the hash. */
export async function findHolder(db: Db, token: string): Promise<TokenHolder | null> {
  if (!TOKEN.test(token)) return null;
  const hash = hashOf(token);
  const { rows } = await sql<TokenHolder & { isUseNoted: boolean }>`
    select poller_tokens.id, poller_tokens.name, poller_tokens.organisation_id as "organisationId",
      organisations.name as organisation, location_no as "locationNo", locations.name as location,
      coalesce(last_used_at > now() - ${sql.lit(LAST_USE_PRECISION)}::interval, false) as "isUseNoted"
    from poller_tokens
    join organisations on organisations.id = poller_tokens.organisation_id
    join locations using (location_no)
    where token_hash = ${hash}`.execute(db);
  const [holder] = rows;
  if (holder === undefined) return null;
  if (!holder.isUseNoted) {
    await sql`update poller_tokens set last_used_at = now() where token_hash = ${hash}`.execute(db);
  }
  return holder;
}

/** Which of the tokens are not revoked. */
export async function remainingTokens(db: Db, ids: readonly string[]): Promise<Set<string>> {
  const rows = await db
    .selectFrom("poller_tokens")
    .select("id")
    .where("id", "=", sql<string>`any(${ids}::uuid[])`)
    .execute();
  return new Set(rows.map(({ id }) => id));
}

interface TokenRow extends TimedRow {
  name: string;
  location: string;
  pollerCount: number;
  createdAt: Date;
  lastUsedAt: Date | null;
}

export async function listTokens(db: Db, organisationId: string, query: PageQuery): Promise<PollerTokenPage> {
  const isOwn = sql<boolean>`poller_tokens.organisation_id = ${organisationId}`;
  const { rows, pagination } = await pageByTime(
    "poller_tokens",
    query,
    ({ after, ...window }) => {
      const isAfter =
        after === null
          ? sql<boolean>`true`
          : sql<boolean>`(poller_tokens.created_at, poller_tokens.id) > (${after.time}::timestamptz, ${after.id}::uuid)`;
      return selectTokens(db, sql`${isOwn} and ${isAfter}`, window);
    },
    () => countTokens(db, organisationId),
  );
  return { data: rows.map(toApi), pagination };
}

/** By poller_tokens_by_organisation. */
async function selectTokens(
  db: Db | Tx,
  condition: ReturnType<typeof sql>,
  { offset, limit }: { offset: number; limit: number },
): Promise<TokenRow[]> {
  const { rows } = await sql<TokenRow>`
    select poller_tokens.id, poller_tokens.name, locations.name as location, poller_tokens.created_at as "createdAt",
      poller_tokens.created_at::text as time_key, last_used_at as "lastUsedAt",
      (select count(*) from pollers where token_id = poller_tokens.id and state <> 'dead') as "pollerCount"
    from poller_tokens join locations using (location_no)
    where ${condition}
    order by poller_tokens.created_at, poller_tokens.id
    limit ${limit} offset ${offset}`.execute(db);
  return rows;
}

function toApi({ id, name, location, pollerCount, createdAt, lastUsedAt }: TokenRow): PollerToken {
  return {
    id,
    name,
    location,
    pollerCount,
    createdAt: createdAt.toISOString(),
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
  };
}

/** The number of the organisation's location of that name, which is made when there is none. */
async function ownLocation(tx: Tx, organisationId: string, name: string): Promise<number> {
  const { rows } = await sql<{ locationNo: number; isShared: boolean }>`
    select location_no as "locationNo", organisation_id is null as "isShared" from locations
    where name = ${name} and (organisation_id is null or organisation_id = ${organisationId})
    order by organisation_id nulls last`.execute(tx);
  const [known] = rows;
  if (known?.isShared === true) {
    const message = `${name} is measured by this installation's own pollers; choose another name`;
    throw invalid([{ path: "location", message }]);
  }
  if (known !== undefined) return known.locationNo;
  const { count } = await tx
    .selectFrom("locations")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where("organisation_id", "=", organisationId)
    .executeTakeFirstOrThrow();
  if (count >= MAX_LOCATIONS) {
    throw new NightbellError(
      "limit_reached",
      `An organisation has at most ${MAX_LOCATIONS} locations of its own; use one that it has.`,
    );
  }
  const created = await sql<{ locationNo: number }>`
    insert into locations (organisation_id, name) values (${organisationId}, ${name})
    on conflict (organisation_id, name) do update set name = excluded.name
    returning location_no as "locationNo"`.execute(tx);
  const [location] = created.rows;
  if (location === undefined) throw new Error(`the location ${name} vanished while it was created`);
  return location.locationNo;
}

/** Two who ask at once may both be let through; a bound need not be sharper. */
async function refuseTooMany(tx: Tx, organisationId: string): Promise<void> {
  if ((await countTokens(tx, organisationId)) < MAX_TOKENS) return;
  throw new NightbellError(
    "limit_reached",
    `An organisation has at most ${MAX_TOKENS} tokens of pollers; revoke one that is not used.`,
  );
}

async function countTokens(db: Db | Tx, organisationId: string): Promise<number> {
  const { count } = await db
    .selectFrom("poller_tokens")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where("organisation_id", "=", organisationId)
    .executeTakeFirstOrThrow();
  return count;
}

function hashOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
