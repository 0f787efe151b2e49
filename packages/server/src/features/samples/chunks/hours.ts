// Where the samples of each hour are: one look decides for a whole read.
import type { Pool } from "pg";
import { hourOf, hourOfPartition, partitionName } from "../partitions.js";

/**
 * - raw: in `samples`.
 * - chunking: in `samples`, and in `late_samples` what came since the hour was closed.
 * - chunked: in chunks, and in `late_samples`.
 *
 * What a state says can be read stays readable for `SETTLING_MS` after the hour has left that state, so a read may ask
 * for it in as many statements as it likes.
 */
export type HourState = "raw" | "chunking" | "chunked";

/** Longer than any read takes, from its look at the hours to its last row. */
export const SETTLING_MS = 60_000;

/** The hours (by their first slot) that may have samples, newest first. */
export type Hours = ReadonlyMap<number, HourState>;

interface HourRow {
  hour_slot: number | null;
  relname: string | null;
  state: HourState;
}

// Served by the primary key of sample_hours and by the catalog's index of a table's partitions.
const HOURS_BETWEEN = `
  select hour_slot, null as relname, state from sample_hours where hour_slot between $1 and $2
  union all
  select null, relname, 'raw' from pg_inherits join pg_class on pg_class.oid = inhrelid
  where inhparent = 'samples'::regclass and relname between $3 and $4`;

const HOURS = `
  select hour_slot, null as relname, state from sample_hours where hour_slot = any($1)
  union all
  select null, relname, 'raw' from pg_inherits join pg_class on pg_class.oid = inhrelid
  where inhparent = 'samples'::regclass and relname = any($2)`;

/** The hours that overlap [from, to). */
export async function hoursBetween(pool: Pool, from: number, to: number): Promise<Hours> {
  const first = Math.max(hourOf(from), 0);
  const { rows } = await pool.query<HourRow>(HOURS_BETWEEN, [
    first,
    hourOf(to),
    partitionName(first),
    partitionName(to),
  ]);
  return toHours(rows);
}

/** Those of the hours that may have samples. */
export async function hoursAmong(pool: Pool, hours: readonly number[]): Promise<Hours> {
  const { rows } = await pool.query<HourRow>(HOURS, [hours, hours.map(partitionName)]);
  return toHours(rows);
}

/** Those of the hours whose partitions take no more samples, or are gone. */
export async function closedHours(pool: Pool, hours: readonly number[]): Promise<Set<number>> {
  const { rows } = await pool.query<{ hour_slot: number }>(
    "select hour_slot from sample_hours where hour_slot = any($1::bigint[])",
    [hours],
  );
  return new Set(rows.map((row) => row.hour_slot));
}

/** An hour that has both, a row and a partition, is what its row says. */
function toHours(rows: readonly HourRow[]): Hours {
  const states = new Map<number, HourState>();
  for (const { hour_slot, relname, state } of rows) {
    const hour = hour_slot ?? hourOfPartition(relname ?? "");
    if (hour_slot !== null || !states.has(hour)) states.set(hour, state);
  }
  return new Map([...states].sort(([a], [b]) => b - a));
}
