// From the partition of an hour to chunks, in one pass (M12).
import type { Pool } from "pg";
import { partitionName } from "../partitions.js";
import { buildHour } from "../rollups/build.js";
import { lockRollups } from "../rollups/locks.js";
import { HOUR_MS } from "../sample.js";
import type { Chunk } from "./codec.js";
import type { ChunkerContext } from "./chunker.js";
import { ensureChunkDay } from "./chunk-days.js";
import { encodeAll, storeGroups } from "./pack.js";
import { dayOf } from "./queries.js";
import { groupsOf } from "./sample-stream.js";
import { inTransaction } from "./transaction.js";

/** What one transaction writes; about a megabyte. */
const BATCH_SAMPLES = 200_000;
const BATCH_CHUNKS = 1_000;

/** The last job and location whose samples are packed. */
interface Progress {
  jobNo: number;
  locationNo: number;
}

/**
 * Packs an hour and says so. Killed at any point it goes on after the last batch that was committed, and until the end
 * is committed everybody reads the partition. Two that pack the same hour, which happens only when one lost the
 * database for a while, notice by the progress that is not theirs, and one gives up.
 */
export async function packHour(context: ChunkerContext, hour: number): Promise<void> {
  const { pool, clock, metrics, signal } = context;
  await ensureChunkDay(pool, dayOf(hour));
  let progress = await closeHour(pool, hour);
  let batch: Chunk[][] = [];
  let samples = 0;
  const write = async () => {
    const last = batch.at(-1)?.[0];
    if (last === undefined) return;
    progress = await commitBatch(pool, hour, progress, last, batch);
    metrics.packed(batch.flat());
    [batch, samples] = [[], 0];
  };
  const source = { table: "samples", hour, to: hour + HOUR_MS, after: progress } as const;
  for await (const group of groupsOf(context.url, source)) {
    batch.push(encodeAll(group));
    samples += group.length;
    if (samples < BATCH_SAMPLES && batch.length < BATCH_CHUNKS) continue;
    await write();
    // Between batches nothing is lost by stopping.
    signal.throwIfAborted();
  }
  await write();
  await buildHour(pool, hour);
  await finishHour(pool, hour, progress, clock.now());
  metrics.hours.inc();
}

/**
 * From this commit on, the partition takes no more samples, and those that come go to `late_samples`. A writer that
 * decided before is turned away by the constraint, and looks again. Returns what an earlier attempt has packed.
 */
async function closeHour(pool: Pool, hour: number): Promise<Progress> {
  return inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ packed_job_no: number; packed_location_no: number }>(
      "select packed_job_no, packed_location_no from sample_hours where hour_slot = $1",
      [hour],
    );
    const [begun] = rows;
    if (begun !== undefined) return { jobNo: begun.packed_job_no, locationNo: begun.packed_location_no };
    await client.query("select set_config('lock_timeout', '5s', true)");
    await client.query("insert into sample_hours (hour_slot, state) values ($1, 'chunking')", [hour]);
    const partition = partitionName(hour);
    await client.query(`alter table ${partition} add constraint ${partition}_closed check (false) not valid`);
    return { jobNo: 0, locationNo: 0 };
  });
}

/** Commit boundary: chunks and how far they reach. Killed before it, the batch is packed again; after it, never. */
async function commitBatch(
  pool: Pool,
  hour: number,
  from: Progress,
  to: Progress,
  batch: readonly Chunk[][],
): Promise<Progress> {
  await inTransaction(pool, async (client) => {
    const hasInterim = await storeGroups(client, batch);
    const { rowCount } = await client.query(
      `update sample_hours set packed_job_no = $4, packed_location_no = $5, has_interim = has_interim or $6
       where hour_slot = $1 and state = 'chunking' and packed_job_no = $2 and packed_location_no = $3`,
      [hour, from.jobNo, from.locationNo, to.jobNo, to.locationNo, hasInterim],
    );
    if (rowCount !== 1) throw new Error(`another scheduler packs the hour ${new Date(hour).toISOString()}`);
  });
  return { jobNo: to.jobNo, locationNo: to.locationNo };
}

/**
 * Commit boundary: from here on chunks count, and the partition does not. It is not reached before the rollups hold all
 * samples of the partition, which has taken no more since `closeHour`.
 */
async function finishHour(
  pool: Pool,
  hour: number,
  { jobNo, locationNo }: Progress,
  now: number,
): Promise<void> {
  await inTransaction(pool, async (client) => {
    await lockRollups(client);
    const { rowCount } = await client.query(
      `update sample_hours set state = 'chunked', chunked_at = $4
       where hour_slot = $1 and state = 'chunking' and packed_job_no = $2 and packed_location_no = $3
         and exists (select from rollup_hours where hour_slot = $1 and built_version = version)`,
      [hour, jobNo, locationNo, new Date(now)],
    );
    if (rowCount !== 1) throw new Error(`another scheduler packs the hour ${new Date(hour).toISOString()}`);
  });
}
