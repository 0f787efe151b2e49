// The small chunks of a day's hours become one for each job and location.
import { DamagedChunkError } from "./bytes.js";
import type { ChunkerContext } from "./chunker.js";
import { encodeAll, unite } from "./pack.js";
import { DAY_MS, deleteChunks, insertChunks, interimChunks, type StoredChunk } from "./queries.js";
import { inTransaction, lockForRepacking } from "./transaction.js";

/** Chunks that one transaction replaces: up to 24 of each job and location, about 2 MB. */
const BATCH_CHUNKS = 4_000;

/** Packs a day whose hours are all chunked. */
export async function packDay(context: ChunkerContext, day: number): Promise<void> {
  const { pool, signal } = context;
  let after = { jobNo: 0, locationNo: 0 };
  for (;;) {
    // Commit boundary: one row goes and another comes, so each sample is in exactly one at any time.
    const last = await inTransaction(pool, async (client) => {
      await lockForRepacking(client);
      const chunks = await interimChunks(client, day, after, BATCH_CHUNKS);
      const groups = byJobAndLocation(chunks);
      // The last group may have been cut off by the limit.
      if (chunks.length === BATCH_CHUNKS && groups.length > 1) groups.pop();
      const packable = groups.filter((group) => isReadable(context, group));
      await deleteChunks(client, packable.flat());
      await insertChunks(
        client,
        "sample_chunks",
        packable.flatMap((group) => encodeAll(unite(group, []))),
      );
      return groups.at(-1)?.[0] ?? null;
    });
    if (last === null) break;
    after = { jobNo: last.jobNo, locationNo: last.locationNo };
    signal.throwIfAborted();
  }
  await pool.query(
    "update sample_hours set has_interim = false where has_interim and hour_slot >= $1 and hour_slot < $2",
    [day, day + DAY_MS],
  );
}

function byJobAndLocation(chunks: readonly StoredChunk[]): StoredChunk[][] {
  const groups: StoredChunk[][] = [];
  for (const chunk of chunks) {
    const group = groups.at(-1);
    const [first] = group ?? [];
    if (group !== undefined && first?.jobNo === chunk.jobNo && first.locationNo === chunk.locationNo) {
      group.push(chunk);
    } else {
      groups.push([chunk]);
    }
  }
  return groups;
}

/** Damaged chunks stay as they are, for whoever can repair them, and hold nothing else up. */
export function isReadable({ log }: Pick<ChunkerContext, "log">, chunks: readonly StoredChunk[]): boolean {
  try {
    unite(chunks, []);
    return true;
  } catch (error) {
    if (!(error instanceof DamagedChunkError)) throw error;
    const [first] = chunks;
    log.error(
      { err: error, jobNo: first?.jobNo, locationNo: first?.locationNo, slot: first?.firstSlot },
      "a chunk of samples is damaged and is left as it is",
    );
    return false;
  }
}
