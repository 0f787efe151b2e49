// Rollups of hours and days that are over, from raw samples (M11).
import type { Pool, PoolClient, QueryConfig } from "pg";
import { inTransaction } from "../chunks/transaction.js";
import { HOUR_MS } from "../sample.js";
import { DAY_MS } from "./levels.js";
import { holdBackPacking } from "./locks.js";

/** An hour of 100,000 jobs at a cadence of ten seconds takes a few minutes. */
const BUILD_TIMEOUT_MS = 1_800_000;
/** For sums and histograms; what does not fit goes to disk. */
const BUILD_MEMORY = "64MB";

/**
 * Builds the rollups of an hour unless they hold everything that is raw of it, or it is packed. Repeated, and killed at
 * any point, it does no harm: rollups and what they hold commit together.
 *
 * A batch that is stored while this runs raises the version beyond the one that was read before, so the hour is built
 * again at the next turn.
 */
export async function buildHour(pool: Pool, hour: number): Promise<boolean> {
  if ((await versionToBuild(pool, hour)) === null) return false;
  await pool.query("select ensure_rollup_partitions($1)", [hour]);
  return inTransaction(pool, async (client) => {
    await holdBackPacking(client);
    const version = await versionToBuild(client, hour);
    if (version === null) return false;
    await runLong(client, "select write_rollups($1)", [hour]);
    await client.query(
      `insert into rollup_hours (hour_slot, built_version) values ($1, $2)
       on conflict (hour_slot) do update set built_version = excluded.built_version`,
      [hour, version],
    );
    await client.query(
      `insert into rollup_days (day_slot) values ($1) on conflict (day_slot) do update set is_due = true`,
      [hour - (hour % DAY_MS)],
    );
    return true;
  });
}

/** The version of the hour that rollups would hold if they were built now; null when there is nothing to build. */
async function versionToBuild(db: Pool | PoolClient, hour: number): Promise<number | null> {
  const { rows } = await db.query<{ version: number; built_version: number | null; is_packed: boolean }>(
    `select coalesce(version, 0) as version, built_version,
       exists (select from sample_hours where hour_slot = $1 and state = 'chunked') as is_packed
     from (select) as one left join rollup_hours on hour_slot = $1`,
    [hour],
  );
  const [row] = rows;
  if (row === undefined || row.is_packed || row.version === row.built_version) return null;
  return row.version;
}

/** Builds the rollups of a day from those of its hours. */
export async function buildDay(pool: Pool, day: number): Promise<void> {
  await inTransaction(pool, async (client) => {
    // Nor is an hour of it corrected meanwhile.
    await holdBackPacking(client);
    // Said first: an hour that is built meanwhile waits for this commit and makes the day due again.
    await client.query("update rollup_days set is_due = false, is_built = true where day_slot = $1", [day]);
    await runLong(client, "select write_day_rollups($1)", [day]);
  });
}

/** The days that ended before a time, all of whose hours are built, and whose rollups are due. */
export async function dueDays(pool: Pool, before: number, dueHours: readonly number[]): Promise<number[]> {
  const { rows } = await pool.query<{ day_slot: number }>(
    "select day_slot from rollup_days where is_due and day_slot + $2 <= $1 order by day_slot",
    [before, DAY_MS],
  );
  const waiting = new Set(dueHours.map((hour) => hour - (hour % DAY_MS)));
  return rows.map(({ day_slot }) => day_slot).filter((day) => !waiting.has(day));
}

/** The hours before a time that have raw samples which their rollups do not hold, oldest first. */
export async function hoursToBuild(pool: Pool, partitioned: readonly number[]): Promise<number[]> {
  const { rows } = await pool.query<{ hour: number }>(
    `select hour from unnest($1::bigint[]) as hour
     where not exists (select from sample_hours where hour_slot = hour and state = 'chunked')
       and not exists (select from rollup_hours where hour_slot = hour and built_version = version)
     order by hour`,
    [partitioned],
  );
  return rows.map(({ hour }) => hour);
}

/**
 * Says that samples of hours that are over were stored raw. Called in the transaction that stores them, last, so that
 * whoever holds one of these rows waits for nobody.
 */
export async function noteLateSamples(client: PoolClient, hours: readonly number[]): Promise<void> {
  await client.query(
    `insert into rollup_hours as old (hour_slot, version)
     select distinct hour, 1 from unnest($1::bigint[]) as hour order by hour
     on conflict (hour_slot) do update set version = old.version + 1`,
    [hours],
  );
}

/** True when the hour of a slot is over. */
export function isOver(slot: number, now: number): boolean {
  return slot - (slot % HOUR_MS) + HOUR_MS <= now;
}

/** Runs a statement of a transaction that may take longer than others. */
export async function runLong(client: PoolClient, text: string, values: unknown[]): Promise<void> {
  await client.query(
    `set local statement_timeout = ${BUILD_TIMEOUT_MS}; set local work_mem = '${BUILD_MEMORY}'`,
  );
  const query: QueryConfig & { query_timeout: number } = {
    text,
    values,
    query_timeout: BUILD_TIMEOUT_MS + 10_000,
  };
  await client.query(query);
}
