// The role that measures: the jobs of a location, or its share of them.
import { join } from "node:path";
import { Registry } from "prom-client";
import { completeJobs, JOBS_CHANNEL, startPendingJobs } from "../../features/jobs/index.js";
import { Poller } from "../../features/probing/index.js";
import { SampleWriter } from "../../features/samples/index.js";
import { Bus } from "../../platform/bus.js";
import { systemClock } from "../../platform/clock.js";
import { addProcessMetrics } from "../../platform/metrics.js";
import type { RoleContext, RunningPoller } from "./role.js";

const DEFAULT_DATA_DIR = ".nightbell";

export async function startPoller({ config, database, log }: RoleContext): Promise<RunningPoller> {
  const { db, url } = database;
  const registry = new Registry();
  addProcessMetrics(registry, "poller");
  const name = `${config.POLLER_LOCATION}-${config.REPLICA_ID}`;
  const sink = await SampleWriter.open({
    database,
    spoolFolder: join(config.NIGHTBELL_DATA_DIR ?? DEFAULT_DATA_DIR, "spool", name),
    batchSize: config.BATCH_SIZE,
    flushIntervalMs: config.BATCH_FLUSH_INTERVAL_MS,
    log,
    registry,
  });
  const poller = await Poller.start({
    db,
    share: {
      location: config.POLLER_LOCATION,
      replicaCount: config.REPLICA_COUNT,
      replicaId: config.REPLICA_ID,
    },
    compareIntervalMs: config.POLL_INTERVAL_MS,
    concurrency: config.CONCURRENCY,
    latencyApiUrl: config.LATENCY_API_URL,
    sink,
    startPending: (jobNos, now) => startPendingJobs(db, jobNos, now),
    complete: (jobNos, now) => completeJobs(db, jobNos, now),
    clock: systemClock,
    log,
    registry,
  });
  const bus = new Bus(url, log);
  bus.subscribe(JOBS_CHANNEL, () => poller.wake());
  bus.start();
  return {
    metrics: () => registry.getMetricsAsJSON(),
    async stop(deadlineMs) {
      await bus.close();
      await poller.stop(deadlineMs);
    },
  };
}
