// Hour partitions of `samples`, created ahead of the clock; old data leaves by dropping them.
import { sql } from "kysely";
import type { Pool } from "pg";
import type { Db } from "../../platform/db.js";
import { HOUR_MS } from "./sample.js";

/** Hours beyond the current one that always exist, so that a scheduler may be away for a while. */
const HOURS_AHEAD = 3;

/** Any constant will do; it must differ from the other advisory locks of the program. */
const CREATION_LOCK = 0x6e_62_70_61;

/** An insert never waits long behind the creation of a partition, nor the other way round. */
const LOCK_TIMEOUT = "5s";

/**
 * Creates the partitions of the previous, the current and the next three hours that are missing.
 * One cheap catalog query when all exist; safe to call from many processes at once.
 */
export async function ensurePartitions(db: Db, now: number): Promise<void> {
  const hour = hourOf(now);
  await ensureHours(
    db,
    Array.from({ length: HOURS_AHEAD + 2 }, (_, index) => hour + (index - 1) * HOUR_MS),
  );
}

/** Creates those of the given hours (their first slots) that have no partition yet. */
export async function ensureHours(db: Db, hours: readonly number[]): Promise<void> {
  if ((await missingHours(db, hours)).length === 0) return;
  // Creating a table and attaching it locks `samples` with SHARE UPDATE EXCLUSIVE only, so inserts and reads
  // go on; `create table … partition of` would stop them all. The commit makes all the hours appear at once.
  await db.transaction().execute(async (tx) => {
    await sql`select set_config('lock_timeout', ${LOCK_TIMEOUT}, true)`.execute(tx);
    await sql`select pg_advisory_xact_lock(${CREATION_LOCK})`.execute(tx);
    for (const hour of await missingHours(tx, hours)) {
      const partition = sql.table(partitionName(hour));
      const [from, to] = [sql.lit(hour), sql.lit(hour + HOUR_MS)];
      await sql`create table ${partition} (like samples including all)`.execute(tx);
      await sql`alter table samples attach partition ${partition} for values from (${from}) to (${to})`.execute(
        tx,
      );
    }
  });
}

/** The first slots of the hours that have a partition and ended before a time, oldest first. */
export async function partitionedHours(db: Db, before: number): Promise<number[]> {
  const { rows } = await sql<{ relname: string }>`
    select relname from pg_inherits join pg_class on pg_class.oid = inhrelid
    where inhparent = 'samples'::regclass and relname < ${partitionName(before)}
    order by relname`.execute(db);
  return rows.map((row) => hourOfPartition(row.relname));
}

/** The first slot of the hour that a slot lies in. */
export function hourOf(slot: number): number {
  return Math.floor(slot / HOUR_MS) * HOUR_MS;
}

/** `samples_2026112205` holds the slots of 2026-11-22 from 05:00 to 06:00 UTC. */
export function partitionName(slot: number): string {
  return `samples_${new Date(slot).toISOString().slice(0, 13).replaceAll(/\D/g, "")}`;
}

export function hourOfPartition(name: string): number {
  const [, year, month, day, hour] = /^samples_(\d{4})(\d\d)(\d\d)(\d\d)$/.exec(name) ?? [];
  return Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour));
}

/** Hours that are packed into chunks, or being so, get no partition any more. */
async function missingHours(db: Db, hours: readonly number[]): Promise<number[]> {
  const names = new Map(hours.map((hour) => [partitionName(hour), hour]));
  const { rows } = await sql<{ relname: string }>`
    select relname from pg_inherits join pg_class on pg_class.oid = inhrelid
    where inhparent = 'samples'::regclass and relname = any(${[...names.keys()]})`.execute(db);
  for (const { relname } of rows) names.delete(relname);
  if (names.size === 0) return [];
  const closed = await sql<{ hour_slot: number }>`
    select hour_slot from sample_hours where hour_slot = any(${[...names.values()]}::bigint[])`.execute(db);
  for (const { hour_slot } of closed.rows) names.delete(partitionName(hour_slot));
  return [...names.values()];
}

/**
 * Drops a partition without stopping anybody who reads or writes the others: it is detached concurrently, which waits
 * for those who use the table now. Killed in between, it goes on where it was.
 */
export async function dropPartition(pool: Pool, parent: string, name: string): Promise<void> {
  const { rows } = await pool.query<{ is_pending: boolean }>(
    "select inhdetachpending as is_pending from pg_inherits where inhrelid = to_regclass($1)",
    [name],
  );
  const [attached] = rows;
  if (attached !== undefined) {
    const how = attached.is_pending ? "finalize" : "concurrently";
    await pool.query(`alter table ${parent} detach partition ${name} ${how}`);
  }
  await pool.query(`drop table if exists ${name}`);
}
