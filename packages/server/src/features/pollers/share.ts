// Which of a location's jobs a poller measures.
import { type RawBuilder, sql } from "kysely";
import type { BucketSet } from "./buckets.js";

export interface Share {
  readonly location: string;
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
export function isInShare({ location, part }: Share): RawBuilder<boolean> {
  const isHere = sql<boolean>`${location} = any(locations)`;
  return part.mode === "live"
    ? sql`(${isHere} and get_bit(${part.buckets}::bytea, job_bucket(job_no)) = 1)`
    : sql`(${isHere} and ${replicaOf(part.count)} = ${part.id})`;
}

/** In static mode, the replica that measures a row of jobs. */
export function replicaOf(count: number): RawBuilder<number> {
  // The low bits of Postgres' own hash of a uuid: even, and the same for every poller of a database.
  return sql`((uuid_hash_extended(id, 0) & 2147483647) % ${count})`;
}
