// Samples that come after their hour was closed: kept beside the chunks, each slot once, until they are packed as well.
import type { Pool } from "pg";
import { rewriteRollups } from "../rollups/late.js";
import { lockRollups } from "../rollups/locks.js";
import { HOUR_MS, type SampleRecord } from "../sample.js";
import { DamagedChunkError } from "./bytes.js";
import type { ChunkerContext } from "./chunker.js";
import { ensureChunkDay } from "./chunk-days.js";
import { decodeMeasures } from "./codec.js";
import { encodeAll, storeGroups, unite } from "./pack.js";
import { isReadable } from "./pack-day.js";
import { type ChunkRange, chunksOf, dayOf, deleteChunks, type StoredChunk } from "./queries.js";
import { groupsOf } from "./sample-stream.js";
import { inTransaction, lockForRepacking } from "./transaction.js";

/** Late samples that one transaction packs, with the chunks they belong to. */
const BATCH_GROUPS = 200;

/**
 * Those of the samples that no chunk holds. Called in a transaction that holds back repacking, so that the answer stays
 * true until its end.
 */
export async function notInChunks(
  client: Parameters<typeof chunksOf>[0],
  samples: readonly SampleRecord[],
): Promise<SampleRecord[]> {
  const known = new Set<string>();
  for (const chunk of await chunksOf(client, rangesOf(samples))) {
    // A sample that cannot be found in a damaged chunk is one more, not one less.
    for (const slot of slotsOf(chunk)) known.add(`${chunk.jobNo} ${chunk.locationNo} ${slot}`);
  }
  return samples.filter((sample) => !known.has(`${sample.jobNo} ${sample.locationNo} ${sample.slot}`));
}

/** Packs the late samples of an hour that is chunked, together with what is in chunks already. */
export async function packLateSamples(context: ChunkerContext, hour: number): Promise<void> {
  const { pool, metrics, signal } = context;
  await ensureChunkDay(pool, dayOf(hour));
  let batch: SampleRecord[][] = [];
  const write = async () => {
    await repack(context, hour, batch);
    metrics.late.inc(batch.flat().length);
    batch = [];
  };
  const source = {
    table: "late_samples",
    hour,
    to: hour + HOUR_MS,
    after: { jobNo: 0, locationNo: 0 },
  } as const;
  for await (const group of groupsOf(context.url, source)) {
    if (batch.push(group) < BATCH_GROUPS) continue;
    await write();
    signal.throwIfAborted();
  }
  await write();
  // Nobody can read what is left, for its job is gone.
  await pool.query(
    `delete from late_samples where slot >= $1 and slot < $2
       and not exists (select from jobs where jobs.job_no = late_samples.job_no)`,
    [hour, hour + HOUR_MS],
  );
}

/** The hours (by their first slots) before a time that have late samples, oldest first. */
export async function hoursWithLateSamples(pool: Pool, before: number): Promise<number[]> {
  const hours: number[] = [];
  for (let from = 0; ; from = (hours.at(-1) ?? 0) + HOUR_MS) {
    // One look into the index for each hour that has any.
    const { rows } = await pool.query<{ hour: number }>(
      "select slot - slot % $3 as hour from late_samples where slot >= $1 and slot < $2 order by slot limit 1",
      [from, before, HOUR_MS],
    );
    const [row] = rows;
    if (row === undefined) return hours;
    hours.push(row.hour);
  }
}

/** Commit boundary: late samples and old chunks go, new chunks come, and rollups count what was late. */
async function repack(
  context: ChunkerContext,
  hour: number,
  groups: readonly (readonly SampleRecord[])[],
): Promise<void> {
  if (groups.length === 0) return;
  await inTransaction(context.pool, async (client) => {
    await lockRollups(client);
    await lockForRepacking(client);
    const jobs = [...new Set(groups.map(([sample]) => sample?.jobNo ?? 0))];
    const chunks = await chunksOf(
      client,
      jobs.map((jobNo) => ({ jobNo, first: hour, last: hour + HOUR_MS - 1 })),
    );
    const packed = groups
      .map((late) => ({
        late,
        old: chunks.filter(
          ({ jobNo, locationNo }) => jobNo === late[0]?.jobNo && locationNo === late[0].locationNo,
        ),
      }))
      .filter(({ old }) => isReadable(context, old));
    await deleteChunks(
      client,
      packed.flatMap(({ old }) => old),
    );
    const united = packed.map(({ late, old }) => unite(old, late));
    const hasInterim = await storeGroups(client, united.map(encodeAll));
    await rewriteRollups(client, hour, united);
    if (hasInterim) {
      await client.query("update sample_hours set has_interim = true where hour_slot = $1", [hour]);
    }
    const gone = packed.flatMap(({ late }) => late);
    await client.query(
      `delete from late_samples using unnest($1::bigint[], $2::integer[], $3::smallint[]) as gone (slot, job_no, location_no)
       where late_samples.slot = gone.slot and late_samples.job_no = gone.job_no
         and late_samples.location_no = gone.location_no`,
      [
        gone.map(({ slot }) => slot),
        gone.map(({ jobNo }) => jobNo),
        gone.map(({ locationNo }) => locationNo),
      ],
    );
  });
}

/** One range for each job. */
function rangesOf(samples: readonly SampleRecord[]): ChunkRange[] {
  const ranges = new Map<number, ChunkRange>();
  for (const { jobNo, slot } of samples) {
    const range = ranges.get(jobNo) ?? { jobNo, first: slot, last: slot };
    range.first = Math.min(range.first, slot);
    range.last = Math.max(range.last, slot);
    ranges.set(jobNo, range);
  }
  return [...ranges.values()];
}

function slotsOf(chunk: StoredChunk): Float64Array {
  try {
    return decodeMeasures(chunk).slots;
  } catch (error) {
    if (!(error instanceof DamagedChunkError)) throw error;
    return new Float64Array();
  }
}
