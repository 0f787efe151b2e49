// What happens to samples as they age: hours become chunks, days of chunks leave (M12). A task of the scheduler.
import type { Pool } from "pg";
import type { Config } from "../../../config/config.js";
import type { Clock } from "../../../platform/clock.js";
import type { DatabaseHandle } from "../../../platform/db.js";
import type { Logger } from "../../../platform/log.js";
import { dropPartition, hourOf, partitionedHours, partitionName } from "../partitions.js";
import { HOUR_MS } from "../sample.js";
import { dropChunkDays } from "./chunk-days.js";
import type { ChunkerMetrics } from "./chunker-metrics.js";
import { SETTLING_MS } from "./hours.js";
import { hoursWithLateSamples, packLateSamples } from "./late.js";
import { packDay } from "./pack-day.js";
import { packHour } from "./pack-hour.js";
import { DAY_MS, dayOf } from "./queries.js";

export interface ChunkerContext {
  readonly url: string;
  readonly pool: Pool;
  readonly db: DatabaseHandle["db"];
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: ChunkerMetrics;
  readonly config: Pick<Config, "RAW_RETENTION_HOURS" | "CHUNK_RETENTION_DAYS">;
  /** Aborted when the process stops: what is under way ends with its batch. */
  readonly signal: AbortSignal;
}

/** Does everything that is due; each part may be killed at any point and goes on at the next call. */
export async function ageSamples(context: ChunkerContext): Promise<void> {
  const { pool, db, clock, metrics, config } = context;
  const agedBefore = hourOf(clock.now() - config.RAW_RETENTION_HOURS * HOUR_MS);
  const chunked = await chunkedHours(pool, agedBefore);
  const due = (await partitionedHours(db, agedBefore)).filter((hour) => !chunked.has(hour));
  for (const hour of due) {
    metrics.lagSeconds.set((agedBefore - hour) / 1_000);
    await packHour(context, hour);
  }
  metrics.lagSeconds.set(0);

  await dropPackedPartitions(context);
  for (const hour of await hoursWithLateSamples(pool, agedBefore)) {
    // A read may still count on finding them where they are.
    if (await isSettled(pool, hour, clock.now())) await packLateSamples(context, hour);
  }
  for (const day of await daysToPack(pool, dayOf(agedBefore))) await packDay(context, day);
  await forgetBefore(context, dayOf(clock.now() - config.CHUNK_RETENTION_DAYS * DAY_MS));
}

async function chunkedHours(pool: Pool, before: number): Promise<Set<number>> {
  const { rows } = await pool.query<{ hour_slot: number }>(
    "select hour_slot from sample_hours where state = 'chunked' and has_partition and hour_slot < $1",
    [before],
  );
  return new Set(rows.map((row) => row.hour_slot));
}

/** Partitions whose hours are chunked, and that no read can be using any more. */
async function dropPackedPartitions({ pool, clock }: ChunkerContext): Promise<void> {
  const { rows } = await pool.query<{ hour_slot: number }>(
    `select hour_slot from sample_hours where state = 'chunked' and has_partition and chunked_at <= $1
     order by hour_slot`,
    [new Date(clock.now() - SETTLING_MS)],
  );
  for (const { hour_slot } of rows) {
    await dropPartition(pool, "samples", partitionName(hour_slot));
    await pool.query("update sample_hours set has_partition = false where hour_slot = $1", [hour_slot]);
  }
}

async function isSettled(pool: Pool, hour: number, now: number): Promise<boolean> {
  const { rows } = await pool.query(
    "select from sample_hours where hour_slot = $1 and state = 'chunked' and chunked_at <= $2",
    [hour, new Date(now - SETTLING_MS)],
  );
  return rows.length > 0;
}

/** Days that ended before a time and have interim chunks; all their hours are chunked by then. */
async function daysToPack(pool: Pool, before: number): Promise<number[]> {
  const { rows } = await pool.query<{ day: number }>(
    `select distinct hour_slot - hour_slot % $2 as day from sample_hours where has_interim and hour_slot < $1
     order by day`,
    [before, DAY_MS],
  );
  return rows.map((row) => row.day);
}

/** Everything of days before a time leaves; theirs are the oldest rows of small tables. */
async function forgetBefore({ pool }: ChunkerContext, day: number): Promise<void> {
  await dropChunkDays(pool, day);
  await pool.query("delete from interim_chunks where first_slot < $1", [day]);
  await pool.query("delete from late_samples where slot < $1", [day]);
  await pool.query("delete from stray_replies where hour_slot < $1", [day]);
  await pool.query("delete from sample_hours where hour_slot < $1 and not has_partition", [day]);
}
