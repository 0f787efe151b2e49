// Rollups that are built at once.
import { Registry } from "prom-client";
import { keepRollups } from "../src/features/samples/rollups/builder.js";
import { rollupMetrics } from "../src/features/samples/rollups/builder-metrics.js";
import type { World } from "./samples.js";

export interface RollUpOptions {
  /** Of each level. */
  retentionDays?: Partial<Record<"5m" | "1h" | "1d", number>>;
}

/** One turn of the task that builds rollups, at a time. */
export async function rollUpAt(
  { database: { pool, db } }: World,
  now: number,
  { retentionDays = {} }: RollUpOptions = {},
): Promise<void> {
  await keepRollups({
    pool,
    db,
    clock: { now: () => now, monotonic: () => now },
    metrics: rollupMetrics(new Registry()),
    config: {
      ROLLUP_5M_RETENTION_DAYS: retentionDays["5m"] ?? 36_500,
      ROLLUP_1H_RETENTION_DAYS: retentionDays["1h"] ?? 36_500,
      ROLLUP_1D_RETENTION_DAYS: retentionDays["1d"] ?? 36_500,
    },
    signal: new AbortController().signal,
  });
}
