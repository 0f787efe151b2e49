// Samples that age at once.
import { Registry } from "prom-client";
import { ageSamples } from "../src/features/samples/chunks/chunker.js";
import { chunkerMetrics } from "../src/features/samples/chunks/chunker-metrics.js";
import { createLogger } from "../src/platform/log.js";
import type { World } from "./samples.js";

export interface AgeingOptions {
  rawRetentionHours?: number;
  chunkRetentionDays?: number;
  registry?: Registry;
  signal?: AbortSignal;
}

/** One turn of the task that packs samples, at a time; every hour that is over is packed unless `options` say otherwise. */
export async function ageAt({ database }: World, now: number, options: AgeingOptions = {}): Promise<void> {
  await ageSamples({
    url: database.url,
    pool: database.pool,
    db: database.db,
    clock: { now: () => now, monotonic: () => now },
    log: createLogger("silent", "test"),
    metrics: chunkerMetrics(options.registry ?? new Registry()),
    config: {
      RAW_RETENTION_HOURS: options.rawRetentionHours ?? 0,
      CHUNK_RETENTION_DAYS: options.chunkRetentionDays ?? 36_500,
    },
    signal: options.signal ?? new AbortController().signal,
  });
}
