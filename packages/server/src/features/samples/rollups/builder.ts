// Keeping rollups up to date: hours and days that are over, jobs that ended, and levels that are too old. Tasks of the
// scheduler.
import type { Pool } from "pg";
import type { Config } from "../../../config/config.js";
import type { Clock } from "../../../platform/clock.js";
import type { Db } from "../../../platform/db.js";
import { inTransaction } from "../chunks/transaction.js";
import { dropPartition, hourOf, partitionedHours } from "../partitions.js";
import { buildDay, buildHour, dueDays, hoursToBuild, runLong } from "./build.js";
import type { RollupMetrics } from "./builder-metrics.js";
import { DAY_MS, levels, partitionOf } from "./levels.js";

/** After its end an hour waits so long for its last results, so that it is seldom built twice. */
const GRACE_MS = 60_000;

export interface RollupContext {
  readonly pool: Pool;
  readonly db: Db;
  readonly clock: Clock;
  readonly metrics: RollupMetrics;
  readonly config: Pick<
    Config,
    "ROLLUP_5M_RETENTION_DAYS" | "ROLLUP_1H_RETENTION_DAYS" | "ROLLUP_1D_RETENTION_DAYS"
  >;
  /** Aborted when the process stops: what is under way ends with its hour. */
  readonly signal: AbortSignal;
}

/** Builds what is due and drops what is too old. */
export async function keepRollups(context: RollupContext): Promise<void> {
  const { pool, db, clock, metrics, signal } = context;
  const before = clock.now() - GRACE_MS;
  const partitioned = await partitionedHours(db, hourOf(before));
  for (const hour of await hoursToBuild(pool, partitioned)) {
    metrics.lagSeconds.set((hourOf(before) - hour) / 1_000);
    const startedAt = clock.monotonic();
    if (await buildHour(pool, hour)) metrics.built((clock.monotonic() - startedAt) / 1_000);
    signal.throwIfAborted();
  }
  metrics.lagSeconds.set(0);
  for (const day of await dueDays(pool, before, await hoursToBuild(pool, partitioned))) {
    await buildDay(pool, day);
    signal.throwIfAborted();
  }
  await forgetOld(context);
}

/** Jobs of one look; what is left comes a second later. */
const ENDED_BATCH = 1_000;

/**
 * Builds the rollups of jobs that ended, each in a transaction with the note that they are due. One that fails, and is
 * tried again, stops no other.
 */
export async function rollUpEndedJobs({
  pool,
  signal,
}: Pick<RollupContext, "pool" | "signal">): Promise<void> {
  const { rows } = await pool.query<{ job_no: number }>(
    "select job_no from ended_jobs order by ended_at limit $1",
    [ENDED_BATCH],
  );
  let failure: unknown = null;
  for (const { job_no } of rows) {
    try {
      await inTransaction(pool, async (client) => {
        await runLong(client, "select create_job_rollups(id) from jobs where job_no = $1", [job_no]);
        await client.query("delete from ended_jobs where job_no = $1", [job_no]);
      });
    } catch (error) {
      failure ??= error;
    }
    signal.throwIfAborted();
  }
  if (failure !== null) throw failure;
}

/** Removes what deleted jobs have in rollups. */
export async function removeRollupsOf(pool: Pool, jobNos: readonly number[]): Promise<void> {
  for (const { table } of levels) {
    await pool.query(`delete from ${table} where job_no = any($1::integer[])`, [jobNos]);
  }
}

/** Partitions all of whose buckets are older than their level's retention. */
async function forgetOld({ pool, clock, config }: RollupContext): Promise<void> {
  const days = {
    "5m": config.ROLLUP_5M_RETENTION_DAYS,
    "1h": config.ROLLUP_1H_RETENTION_DAYS,
    "1d": config.ROLLUP_1D_RETENTION_DAYS,
  };
  for (const level of levels) {
    const { table, resolution } = level;
    const { rows } = await pool.query<{ relname: string }>(
      `select relname from pg_class
       where relnamespace = (select relnamespace from pg_class where oid = $1::text::regclass)
         and relkind = 'r' and relname ~ ('^' || $1 || '_[0-9]{4,8}$') and relname < $2
       order by relname`,
      [table, partitionOf(level, clock.now() - days[resolution] * DAY_MS)],
    );
    for (const { relname } of rows) await dropPartition(pool, table, relname);
  }
}
