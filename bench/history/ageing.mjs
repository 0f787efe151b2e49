// What the scheduler does to samples that age, done at once.
import { load } from "../shared/postgres.mjs";

const never = new AbortController().signal;

/** Builds all rollups that are due, of hours and of days. */
export async function rollUp({ pool, db }) {
  const { keepRollups } = await load("features/samples/rollups/builder.js");
  const { rollupMetrics } = await load("features/samples/rollups/builder-metrics.js");
  const { systemClock } = await load("platform/clock.js");
  const { Registry } = await import("prom-client");
  const config = {
    ROLLUP_5M_RETENTION_DAYS: 30,
    ROLLUP_1H_RETENTION_DAYS: 800,
    ROLLUP_1D_RETENTION_DAYS: 3_650,
  };
  const metrics = rollupMetrics(new Registry());
  await keepRollups({ pool, db, clock: systemClock, metrics, config, signal: never });
}

/** Packs the hours that ended more than `rawHours` before `now`. */
export async function pack({ url, pool, db }, { log, now = Date.now(), rawHours = 0 }) {
  const { ageSamples } = await load("features/samples/chunks/chunker.js");
  const { chunkerMetrics } = await load("features/samples/chunks/chunker-metrics.js");
  const { Registry } = await import("prom-client");
  await ageSamples({
    url,
    pool,
    db,
    clock: { now: () => now, monotonic: () => performance.now() },
    log,
    metrics: chunkerMetrics(new Registry()),
    config: { RAW_RETENTION_HOURS: rawHours, CHUNK_RETENTION_DAYS: 400 },
    signal: never,
  });
}
