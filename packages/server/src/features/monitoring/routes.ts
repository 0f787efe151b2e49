import { Health } from "@nightbell/contract";
import type { Registry } from "prom-client";
import { z } from "zod";
import type { DatabaseHandle } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import type { App } from "../../platform/http/app.js";
import {
  addProcessMetrics,
  exposition,
  METRICS_CONTENT_TYPE,
  type MetricsJson,
} from "../../platform/metrics.js";
import { addPoolMetrics, createPing, poolUse } from "./database.js";
import { assess, worst } from "./health.js";
import { addRequestMetrics } from "./requests.js";
import { SystemSampler } from "./system.js";

export interface MonitoringOptions {
  readonly database: DatabaseHandle;
  /** Whether the process is neither starting nor draining. */
  readonly isReady: () => boolean;
  /** Metrics of the other processes of this program. */
  readonly collectMetrics: () => Promise<MetricsJson[]>;
  /** Metrics of other features of this process are registered here too. */
  readonly registry: Registry;
}

const tags = ["monitoring"];
const Alive = z.object({ status: z.literal("ok") });
const HealthQuery = z.strictObject({ mode: z.enum(["liveness", "readiness"]).optional() });

export async function monitoringRoutes(app: App, options: MonitoringOptions): Promise<void> {
  const { database, isReady, collectMetrics, registry } = options;
  const sampler = new SystemSampler();
  const ping = createPing(database);
  app.addHook("onClose", async () => sampler.stop());
  addProcessMetrics(registry, "api");
  addPoolMetrics(registry, database);
  addRequestMetrics(app, registry);
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
      schema: { tags, summary: "Whether the process takes requests", response: { 200: Alive } },
    },
    async () => {
      if (!isReady()) throw new NightbellError("not_ready", "This process is starting or draining.");
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
          "`mode=readiness` also asks the database, and answers 503 when it does not answer in time.",
        querystring: HealthQuery,
        response: { 200: Health, 503: Health },
      },
    },
    async (request, reply) => {
      const metrics = { ...sampler.latest, database: poolUse(database) };
      const { alerts } = assess(metrics);
      if (request.query.mode === "readiness") {
        const failure = isReady() ? await ping() : "this process is starting or draining";
        if (failure !== null) {
          alerts.push({ level: "critical", metric: "readiness", message: `not ready: ${failure}` });
          void reply.code(503);
        }
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
      config,
      schema: {
        tags,
        summary: "Metrics of all processes, for Prometheus",
        response: {
          200: {
            description: "The text format of Prometheus",
            content: { "text/plain": { schema: z.string() } },
          },
        },
      },
    },
    async (_request, reply) => {
      const processes = [await registry.getMetricsAsJSON(), ...(await collectMetrics())];
      return reply.type(METRICS_CONTENT_TYPE).send(await exposition(processes));
    },
  );
}
