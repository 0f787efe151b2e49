// Day partitions of `sample_chunks`: created before a chunk of the day is written, dropped when the day is too old.
import type { Pool } from "pg";
import { dropPartition } from "../partitions.js";
import { DAY_MS } from "./queries.js";
import { inTransaction } from "./transaction.js";

/** Any constant will do; it must differ from the other advisory locks of the program. */
const CREATION_LOCK = 0x6e_62_63_64;

/** `sample_chunks_20261122` holds the chunks of 2026-11-22. */
export function chunkPartitionName(day: number): string {
  return `sample_chunks_${new Date(day).toISOString().slice(0, 10).replaceAll("-", "")}`;
}

/** Creates the partition of a day unless it exists; reads and writes of other days go on. */
export async function ensureChunkDay(pool: Pool, day: number): Promise<void> {
  const name = chunkPartitionName(day);
  await inTransaction(pool, async (client) => {
    await client.query("select set_config('lock_timeout', '5s', true), pg_advisory_xact_lock($1)", [
      CREATION_LOCK,
    ]);
    const { rows } = await client.query("select where to_regclass($1) is null", [name]);
    if (rows.length === 0) return;
    await client.query(`create table ${name} (like sample_chunks including all)`);
    await client.query(
      `alter table sample_chunks attach partition ${name} for values from (${day}) to (${day + DAY_MS})`,
    );
  });
}

/** Drops the days that ended at or before a time. */
export async function dropChunkDays(pool: Pool, before: number): Promise<void> {
  // By name, and not as partitions: one whose dropping was interrupted may be detached already.
  const { rows } = await pool.query<{ relname: string }>(
    `select relname from pg_class
     where relnamespace = (select relnamespace from pg_class where oid = 'sample_chunks'::regclass)
       and relkind = 'r' and relname ~ '^sample_chunks_[0-9]{8}$' and relname < $1
     order by relname`,
    [chunkPartitionName(before)],
  );
  for (const { relname } of rows) await dropPartition(pool, "sample_chunks", relname);
}
