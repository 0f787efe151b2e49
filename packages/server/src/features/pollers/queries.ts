// The table of pollers: read and written in the database's time, so that clocks need not agree.
import { sql } from "kysely";
import type { Db, Tx } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import type { BucketSet } from "./buckets.js";
import type { OfflinePeriod, ReferenceStats } from "./reference-stats.js";
import { LEASE_MS, type Member, type MemberState } from "./rules.js";
import type { StaticPart } from "./share.js";

/** Where pollers notify of a change that concerns the others of their location, whose number is the payload. */
export const POLLERS_CHANNEL = "nightbell_pollers";

/** How long a dead poller is remembered. */
const DEAD_MEMORY = "1 day";

/** Of one token, with those that died and are remembered: each is a row, and alerts when it dies or is offline. */
const MAX_POLLERS_OF_TOKEN = 50;

/** What a poller says about itself. */
export interface PollerStats {
  readonly jobCount: number;
  readonly samplesPerSecond: number;
  /** Of the last seconds; null without a sample. */
  readonly latenessP99Ms: number | null;
  readonly memoryBytes: number;
  /** How far its clock is behind the database's; null before the first answer. */
  readonly clockOffsetMs: number | null;
  readonly version: string;
  /** Left out without reference targets. */
  readonly references?: ReferenceStats | undefined;
}

export interface PollerRow {
  readonly id: string;
  readonly locationNo: number;
  /** Of a remote poller. */
  readonly tokenId: string | null;
  readonly name: string;
  readonly state: MemberState;
  /** Null in static mode. */
  readonly buckets: BucketSet | null;
  readonly replica: StaticPart | null;
  readonly stats: PollerStats;
}

/** The number by which samples know a location; makes it known when it is new. */
export async function locationNumber(db: Db, name: string): Promise<number> {
  const find = async () => {
    const { rows } = await sql<{ location_no: number }>`
      select location_no from locations where organisation_id is null and name = ${name}`.execute(db);
    return rows[0]?.location_no;
  };
  // Looked for first: an insert spends one of the 32,767 numbers even where it changes nothing.
  const known = await find();
  if (known !== undefined) return known;
  await sql`insert into locations (name) values (${name}) on conflict do nothing`.execute(db);
  const created = await find();
  if (created === undefined) throw new Error(`the location ${name} vanished while it was created`);
  return created;
}

/** The other pollers of a location that share its jobs live. */
export async function readMembers(db: Db, locationNo: number, except: string): Promise<Member[]> {
  const { rows } = await sql<Member>`
    select id, state, buckets, (extract(epoch from lease_until - now()) * 1000)::float8 as "leaseMs",
      stats #>> '{references,offlineSince}' is not null as "isOffline"
    from pollers where location_no = ${locationNo} and id <> ${except} and buckets is not null`.execute(db);
  return rows;
}

/**
 * Renews the lease of a poller, making it known when it is not. Returns the database's time in milliseconds; null when
 * another token's poller has the id. Throws `limit_reached` for one more of a token that has as many as it may.
 */
export async function renew(db: Db, poller: PollerRow): Promise<number | null> {
  const { rows } = await sql<{ now: number }>`
    update pollers set state = ${poller.state}, lease_until = now() + ${LEASE_MS} * interval '1 millisecond',
      died_at = null, buckets = ${poller.buckets}, stats = ${JSON.stringify(poller.stats)}
    where id = ${poller.id} and location_no = ${poller.locationNo}
      and token_id is not distinct from ${poller.tokenId}::uuid
    returning (extract(epoch from clock_timestamp()) * 1000)::float8 as now`.execute(db);
  const [known] = rows;
  if (known !== undefined) return known.now;
  return db.transaction().execute(async (tx) => {
    if (poller.tokenId !== null) await refuseTooMany(tx, poller.tokenId);
    return insertPoller(tx, poller);
  });
}

/** The token is locked until the new poller has committed, so that those who come at once are counted one by one. */
async function refuseTooMany(tx: Tx, tokenId: string): Promise<void> {
  await sql`select from poller_tokens where id = ${tokenId} for no key update`.execute(tx);
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from pollers where token_id = ${tokenId}`.execute(tx);
  if ((rows[0]?.count ?? 0) < MAX_POLLERS_OF_TOKEN) return;
  throw new NightbellError(
    "limit_reached",
    `A token has at most ${MAX_POLLERS_OF_TOKEN} pollers, with those that died within the last day; use another token.`,
  );
}

/** As `renew`; the poller may have become known meanwhile. */
async function insertPoller(tx: Tx, poller: PollerRow): Promise<number | null> {
  const { rows } = await sql<{ now: number }>`
    insert into pollers as old
      (id, location_no, token_id, name, kind, state, lease_until, buckets, replica_count, replica_id, stats)
    values (${poller.id}, ${poller.locationNo}, ${poller.tokenId}, ${poller.name},
      ${poller.tokenId === null ? "local" : "remote"}, ${poller.state},
      now() + ${LEASE_MS} * interval '1 millisecond', ${poller.buckets}, ${poller.replica?.count},
      ${poller.replica?.id}, ${JSON.stringify(poller.stats)})
    on conflict (id) do update set state = excluded.state, lease_until = excluded.lease_until, died_at = null,
      buckets = excluded.buckets, stats = excluded.stats
      where old.token_id is not distinct from excluded.token_id and old.location_no = excluded.location_no
    returning (extract(epoch from clock_timestamp()) * 1000)::float8 as now`.execute(tx);
  return rows[0]?.now ?? null;
}

/** What is known of a remote poller from its beats so far. */
export interface KnownPoller {
  /** When its row began, in milliseconds. */
  readonly startedAt: number;
  readonly offlinePeriods: readonly OfflinePeriod[];
}

export async function knownPoller(
  db: Db,
  { id, tokenId }: Pick<PollerRow, "id" | "tokenId">,
): Promise<KnownPoller | null> {
  const { rows } = await sql<KnownPoller>`
    select (extract(epoch from started_at) * 1000)::float8 as "startedAt",
      coalesce(stats #> '{references,offlinePeriods}', '[]') as "offlinePeriods"
    from pollers where id = ${id} and token_id is not distinct from ${tokenId}::uuid`.execute(db);
  return rows[0] ?? null;
}

export async function notifyPollers(db: Db, locationNo: number): Promise<void> {
  await sql`select pg_notify(${POLLERS_CHANNEL}, ${String(locationNo)})`.execute(db);
}

/** Whether a notification may concern the pollers of a location. */
export function isNewsAt(locationNo: number, payload: string | null): boolean {
  return payload === null || payload === String(locationNo);
}

export async function removePoller(
  db: Db,
  { id, tokenId }: Pick<PollerRow, "id" | "tokenId">,
): Promise<void> {
  await sql`delete from pollers where id = ${id} and token_id is not distinct from ${tokenId}::uuid`.execute(
    db,
  );
}

/**
 * Calls those dead whose lease has run out, and forgets who died long ago, or left without a last word. Of a poller that
 * dies again and again only the last death is kept.
 */
export async function buryPollers(db: Db): Promise<void> {
  await sql`
    update pollers set state = 'dead', died_at = lease_until
    where state in ('joining', 'active') and lease_until < now()`.execute(db);
  await sql`
    delete from pollers as poller
    where (state = 'leaving' and lease_until < now())
      or (state = 'dead' and (died_at < now() - ${sql.lit(DEAD_MEMORY)}::interval or exists (
        select from pollers as later
        where later.location_no = poller.location_no and later.name = poller.name
          and (later.died_at, later.id) > (poller.died_at, poller.id))))`.execute(db);
}
