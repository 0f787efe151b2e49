// Packing: samples of an hour into chunks, and chunks of a day, or late samples with them, into new ones.
import type { PoolClient } from "pg";
import type { SampleRecord } from "../sample.js";
import { type Chunk, decodeSamples, encodeChunk } from "./codec.js";
import { cutIntoChunks } from "./cut.js";
import { insertChunks, type StoredChunk } from "./queries.js";

/**
 * With fewer samples a chunk's row and index entry (about 130 bytes) weigh too much; such chunks wait for the rest of
 * their day. An hour at a cadence of ten seconds has 360, and may miss some.
 */
const LASTING_SAMPLES = 200;

export function encodeAll(samples: readonly SampleRecord[]): Chunk[] {
  return cutIntoChunks(samples).map((cut) => encodeChunk(cut.samples, cut));
}

/** The samples of chunks of one job at one location and others of it, oldest first, each slot once. */
export function unite(chunks: readonly StoredChunk[], others: readonly SampleRecord[]): SampleRecord[] {
  const bySlot = new Map(others.map((sample) => [sample.slot, sample]));
  // What is packed was there first.
  for (const chunk of chunks) for (const sample of decodeSamples(chunk)) bySlot.set(sample.slot, sample);
  return [...bySlot.values()].sort((a, b) => a.slot - b.slot);
}

/** Writes the chunks of each job and location where they belong; true when some of them wait for their day. */
export async function storeGroups(
  client: PoolClient,
  groups: readonly (readonly Chunk[])[],
): Promise<boolean> {
  const interim = groups.filter((chunks) => !isLasting(chunks)).flat();
  await insertChunks(client, "sample_chunks", groups.filter(isLasting).flat());
  await insertChunks(client, "interim_chunks", interim);
  return interim.length > 0;
}

function isLasting(chunks: readonly Chunk[]): boolean {
  return chunks.reduce((sum, chunk) => sum + chunk.sampleCount, 0) >= LASTING_SAMPLES;
}
