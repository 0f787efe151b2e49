// Work is rows. Whoever takes a due row holds it for a while, under a token that fences out whoever held it before.
// At kill -9 the lease runs out and somebody else takes the row: work is done at least once, its result is stored once.
import { sql } from "kysely";
import type { Db, Tx } from "./db.js";

/** A row of work, held. */
export interface Lease {
  readonly id: string;
  /** Rises with every lease of the row. */
  readonly fencingToken: number;
  /** Of how many leases this is one, from 1. */
  readonly attempt: number;
}

/** Somebody else holds the row, or it is gone; what its former holder found out must not be stored. */
export class LeaseLostError extends Error {}

export interface WorkTableOptions {
  /** How long a lease holds unless it is renewed. */
  readonly leaseMs: number;
}

/**
 * A table of work. Its columns: `id uuid` (key), `due_at timestamptz` (null when there is nothing to do; indexed),
 * `lease_owner uuid`, `lease_until timestamptz`, `fencing_token bigint`, `attempt integer`. Times are the database's, so
 * that workers with different clocks agree.
 */
export class WorkTable {
  readonly name: string;
  readonly #db: Db;
  readonly #leaseMs: number;

  constructor(db: Db, name: string, { leaseMs }: WorkTableOptions) {
    this.#db = db;
    this.name = name;
    this.#leaseMs = leaseMs;
  }

  /** Takes up to `limit` rows that are due and that nobody holds, the longest due first. Served by the index of due_at. */
  async lease(owner: string, limit: number): Promise<Lease[]> {
    const { rows } = await sql<Lease>`
      with due as materialized (
        select id from ${sql.table(this.name)}
        where due_at <= now() and (lease_until is null or lease_until <= now())
        order by due_at limit ${limit}
        for update skip locked)
      update ${sql.table(this.name)} as work
      set lease_owner = ${owner}, lease_until = now() + ${this.#leaseMs} * interval '1 millisecond',
        fencing_token = fencing_token + 1, attempt = attempt + 1
      from due where work.id = due.id
      returning work.id, fencing_token as "fencingToken", attempt`.execute(this.#db);
    return rows;
  }

  /** Holds the rows for another while; returns the ids of those that are still held. */
  async renew(leases: readonly Lease[]): Promise<Set<string>> {
    const { rows } = await sql<{ id: string }>`
      update ${sql.table(this.name)} as work
      set lease_until = now() + ${this.#leaseMs} * interval '1 millisecond'
      from unnest(${leases.map(({ id }) => id)}::uuid[], ${leases.map((lease) => lease.fencingToken)}::bigint[])
        as held (id, fencing_token)
      where work.id = held.id and work.fencing_token = held.fencing_token and lease_until is not null
      returning work.id`.execute(this.#db);
    return new Set(rows.map(({ id }) => id));
  }

  /**
   * Gives the row back: done, or due again after `againInMs`. In the transaction that stores what was found out, so that
   * both happen or neither. Throws LeaseLostError, which undoes that transaction.
   */
  async release(tx: Db | Tx, { id, fencingToken }: Lease, againInMs: number | null): Promise<void> {
    const { numAffectedRows } = await sql`
      update ${sql.table(this.name)}
      set due_at = now() + ${againInMs}::float8 * interval '1 millisecond', lease_owner = null, lease_until = null
      where id = ${id} and fencing_token = ${fencingToken} and lease_until is not null`.execute(tx);
    if (numAffectedRows !== 1n) throw new LeaseLostError(`the lease of ${id} in ${this.name} was lost`);
  }
}

/**
 * How long to wait after a failed attempt, from 1: doubles from `firstMs` up to `longestMs`, less up to a fifth by
 * chance (`random` in [0, 1)), so that what failed together does not return together.
 */
export function backoffMs(
  attempt: number,
  { firstMs, longestMs }: { firstMs: number; longestMs: number },
  random: number,
): number {
  return Math.min(longestMs, firstMs * 2 ** (attempt - 1)) * (1 - random / 5);
}
