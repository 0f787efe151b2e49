import { Health } from "@nightbell/contract";
import type { Registry } from "prom-client";
import { z } from "zod";
import { addWatchMetric, DatabaseWatch } from "../../platform/database-watch.js";
import type { DatabaseHandle } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import type { App } from "../../platform/http/app.js";
import {
  addProcessMetrics,
  exposition,
  METRICS_CONTENT_TYPE,
  type MetricsJson,
} from "../../platform/metrics.js";
import { assess, worst } from "./health.js";
import { addPoolMetrics, poolUse } from "./pool.js";
import { addRequestMetrics } from "./requests.js";
import { SystemSampler } from "./system.js";

export interface MonitoringOptions {
  readonly database: DatabaseHandle;
  /** Whether the process is neither starting nor draining. */
  readonly isRunning: () => boolean;
  /** Why the poller of this program does not measure any more, and since when; null when all is well with it. */
  readonly pollerTrouble: () => string | null;
  /** Metrics of the other processes of this program. */
  readonly collectMetrics: () => Promise<MetricsJson[]>;
  /** Series of the jobs of an organisation. */
  readonly collectJobMetrics: (organisationId: string) => Promise<MetricsJson>;
  /** Metrics of other features of this process are registered here too. */
  readonly registry: Registry;
}

const tags = ["monitoring"];
const Alive = z.object({ status: z.literal("ok") });
const HealthQuery = z.strictObject({ mode: z.enum(["liveness", "readiness"]).optional() });

export async function monitoringRoutes(app: App, options: MonitoringOptions): Promise<void> {
  const { database, isRunning, pollerTrouble, collectMetrics, collectJobMetrics, registry } = options;
  const sampler = new SystemSampler();
  const watch = new DatabaseWatch(database.url, app.log);
  app.addHook("onClose", async () => {
    sampler.stop();
    await watch.stop();
  });
  addProcessMetrics(registry, "api");
  addPoolMetrics(registry, database);
  addWatchMetric(registry, watch);
  addRequestMetrics(app, registry);
  /** Why this process cannot do its work, in a sentence; null when it can. */
  const notReady = async (): Promise<string | null> => {
    if (!isRunning()) return "this process is starting or draining";
    return (await watch.answers()) ? pollerTrouble() : "the database does not answer";
  };
  // Asked by machines, at a rate that is theirs to choose.
  const config = { access: "public", isUncounted: true } as const;

  app.get(
    "/health",
    { config, schema: { tags, summary: "Whether the process lives", response: { 200: Alive } } },
    async () => ({ status: "ok" as const }),
  );

  app.get(
    "/ready",
    {
      config: { ...config, errors: ["not_ready"] },
      schema: {
        tags,
        summary: "Whether the process can do its work",
        description: "Asks the database, at most once a second, and waits for its answer for less than that.",
        response: { 200: Alive },
      },
    },
    async () => {
      const reason = await notReady();
      if (reason !== null) throw new NightbellError("not_ready", `Not ready: ${reason}.`);
      return { status: "ok" as const };
    },
  );

  app.get(
    "/api/health",
    {
      config,
      schema: {
        tags,
        summary: "What the process uses, and what to do about it",
        description:
          "Answers at once, from what the process knows: it asks the database by itself every 2 seconds. " +
          "`mode=readiness` also asks what /ready asks, and answers 503 when the process cannot do its work.",
        querystring: HealthQuery,
        response: { 200: Health, 503: Health },
      },
    },
    async (request, reply) => {
      const reason = request.query.mode === "readiness" ? await notReady() : null;
      const { lastAnswerAt, unavailableSince } = watch.contact;
      const contact = {
        lastAnswerAt: lastAnswerAt?.toISOString() ?? null,
        unavailableSince: unavailableSince?.toISOString() ?? null,
      };
      const metrics = { ...sampler.latest, database: { ...poolUse(database), ...contact } };
      const { alerts } = assess(metrics, sampler.sustained);
      const trouble = pollerTrouble();
      if (trouble !== null) {
        const message = `${trouble}: its jobs are not measured; see the log`;
        alerts.push({ level: "critical", metric: "poller", message });
      }
      if (reason !== null) {
        alerts.push({ level: "critical", metric: "readiness", message: `not ready: ${reason}` });
        void reply.code(503);
      }
      return {
        status: worst(alerts),
        timestamp: new Date().toISOString(),
        uptime: Math.round(process.uptime()),
        metrics,
        alerts,
      };
    },
  );

  app.get(
    "/metrics",
    {
      config: { ...config, access: "optional" },
      schema: {
        tags,
        summary: "Metrics of all processes, for Prometheus",
        description:
          "With a bearer token also the newest figures of each running job of its organisation, at most " +
          "`JOB_METRICS_LIMIT` jobs, read at most every five seconds.",
        response: {
          200: {
            description: "The text format of Prometheus",
            content: { "text/plain": { schema: z.string() } },
          },
        },
      },
    },
    async ({ visitor }, reply) => {
      const jobs = visitor === null ? [] : [await collectJobMetrics(visitor.organisationId)];
      const processes = [await registry.getMetricsAsJSON(), ...(await collectMetrics()), ...jobs];
      return reply.type(METRICS_CONTENT_TYPE).send(await exposition(processes));
    },
  );
}
