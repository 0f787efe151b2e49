// The role that answers HTTP: every feature's routes on one server.
import { Registry } from "prom-client";
import { accountRoutes, Sessions } from "../../features/accounts/index.js";
import { heartbeatRoutes } from "../../features/heartbeats/index.js";
import { ALERT_RULES_CHANNEL, AlertEngine, alertRoutes } from "../../features/alerts/index.js";
import { jobRoutes } from "../../features/jobs/index.js";
import { monitoringRoutes } from "../../features/monitoring/index.js";
import { pollerRoutes } from "../../features/pollers/index.js";
import { notificationRoutes } from "../../features/notifications/index.js";
import { createOneShotProber } from "../../features/probing/index.js";
import { JobMetrics, probeRoutes } from "../../features/prometheus/index.js";
import { pollerTokenRoutes, remotePollerRoutes } from "../../features/remote-pollers/index.js";
import { samplesRoutes } from "../../features/samples/index.js";
import { streamRoutes } from "../../features/streams/index.js";
import { Bus } from "../../platform/bus.js";
import { systemClock as clock } from "../../platform/clock.js";
import { buildApp, portOf } from "../../platform/http/app.js";
import type { ApiContext, RunningApi } from "./role.js";

export async function startApi({
  config,
  database,
  log,
  lifecycle,
  collectMetrics,
  pollerTrouble,
}: ApiContext): Promise<RunningApi> {
  const { db } = database;
  const prober = createOneShotProber({ latencyApiUrl: config.LATENCY_API_URL, log });
  const registry = new Registry();
  const sessions = new Sessions(db, clock, log);
  const { authenticate } = sessions;
  const app = await buildApp({ config, log, authenticate });
  app.addHook("onClose", () => prober.close());
  const isRunning = () => lifecycle() === "running";
  const jobMetrics = new JobMetrics({ database, clock, limit: config.JOB_METRICS_LIMIT });
  await monitoringRoutes(app, {
    database,
    isRunning,
    pollerTrouble,
    collectMetrics,
    collectJobMetrics: (organisationId) => jobMetrics.collect(organisationId),
    registry,
  });
  await accountRoutes(app, { db, clock, config, sessions });
  await jobRoutes(app, { db, clock, config, probe: prober.probe });
  await probeRoutes(app, prober);
  await heartbeatRoutes(app, { db });
  await pollerRoutes(app, { db });
  await pollerTokenRoutes(app, { db });
  // Rules are evaluated where samples are stored, and those of remote pollers are stored here.
  const evaluator = new AlertEngine({ database, clock, log, registry });
  await evaluator.start();
  const bus = new Bus(database.url, log);
  bus.subscribe(ALERT_RULES_CHANNEL, () => evaluator.wake());
  await remotePollerRoutes(app, { database, evaluator, bus, clock, log, registry });
  bus.start();
  await notificationRoutes(app, { db });
  await alertRoutes(app, { database, clock });
  await samplesRoutes(app, { database });
  await streamRoutes(app, { database, config, log, registry, authenticate });
  const stopEvaluating = async (deadlineMs: number) => {
    await bus.close();
    await evaluator.stop(deadlineMs);
  };
  try {
    await app.listen({ host: config.HOST, port: config.PORT });
  } catch (error) {
    await app.close();
    await stopEvaluating(0);
    throw error;
  }

  return {
    port: portOf(app),
    async stop(deadlineMs) {
      const until = performance.now() + deadlineMs;
      const deadline = setTimeout(() => app.server.closeAllConnections(), deadlineMs);
      try {
        await app.close();
        await stopEvaluating(Math.max(0, until - performance.now()));
      } finally {
        clearTimeout(deadline);
      }
    },
  };
}
