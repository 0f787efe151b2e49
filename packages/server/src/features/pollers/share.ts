// Which of a location's jobs a poller measures.
import { type RawBuilder, sql } from "kysely";
import type { BucketSet } from "./buckets.js";

/** Where a poller measures from. */
export interface Place {
  readonly location: string;
  /** Null: a location that is shared by all organisations. */
  readonly organisationId: string | null;
}

export interface Share extends Place {
  readonly part: StaticPart | LivePart;
}

/** REPLICA_COUNT and REPLICA_ID: `hash(id) mod count = id`. */
export interface StaticPart {
  readonly mode: "static";
  readonly count: number;
  readonly id: number;
}

export interface LivePart {
  readonly mode: "live";
  readonly buckets: BucketSet;
}

/** Says which share is ours, and is told when it is held. */
export interface Shares {
  /** The same object for as long as nothing changes. */
  current(): Share;
  /** Every job of this share is measured now, and no other. */
  taken(share: Share): void;
}

/** Whether a row of jobs is in the share. */
export function isInShare({ part, ...place }: Share): RawBuilder<boolean> {
  const isHere = isMeasuredAt(place);
  return part.mode === "live"
    ? sql`(${isHere} and get_bit(${part.buckets}::bytea, job_bucket(job_no)) = 1)`
    : sql`(${isHere} and ${replicaOf(part.count)} = ${part.id})`;
}

/**
 * Whether a row of jobs is measured at a place. A name means the organisation's own location before the shared one, and
 * pollers of an own one have no access to the beats of heartbeats.
 */
export function isMeasuredAt({ location, organisationId }: Place): RawBuilder<boolean> {
  return organisationId === null
    ? sql`(${location} = any(locations) and not organisation_id = any(array(
        select organisation_id from locations where name = ${location} and organisation_id is not null)))`
    : sql`(organisation_id = ${organisationId} and ${location} = any(locations) and type <> 'heartbeat')`;
}

/** In static mode, the replica that measures a row of jobs. */
export function replicaOf(count: number): RawBuilder<number> {
  // The low bits of Postgres' own hash of a uuid: even, and the same for every poller of a database.
  return sql`((uuid_hash_extended(id, 0) & 2147483647) % ${count})`;
}
