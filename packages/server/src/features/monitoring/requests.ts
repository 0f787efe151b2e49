// Durations of requests by route, and a line in the log for each slow one (P5).
import type { FastifyInstance } from "fastify";
import { Histogram, type Registry } from "prom-client";

const SLOW_MS = 1_000;
const VERY_SLOW_MS = 5_000;

/** Denser around the budgets of the API: 10 ms for a list, 50 ms for health, 500 ms for a log-in. */
const BUCKETS_SECONDS = [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function addRequestMetrics(app: FastifyInstance, registry: Registry): void {
  const duration = new Histogram({
    name: "nightbell_http_request_duration_seconds",
    help: "Time from a request's head to the end of its answer",
    labelNames: ["method", "route", "status"],
    buckets: BUCKETS_SECONDS,
    registers: [registry],
  });

  app.addHook("onResponse", async (request, reply) => {
    // A stream lasts as long as somebody watches, which says nothing about speed.
    if (request.routeOptions.config.isUncounted === true) return;
    const elapsedMs = reply.elapsedTime;
    // By pattern, never by address: the number of series must not depend on what clients ask for.
    const route = request.is404 ? "none" : (request.routeOptions.url ?? "none");
    duration.observe({ method: request.method, route, status: reply.statusCode }, elapsedMs / 1_000);
    if (elapsedMs < SLOW_MS) return;
    const details = { method: request.method, route, status: reply.statusCode, elapsedMs };
    // Who waited for a database that is away is no news: that it is away is said once.
    if (reply.statusCode === 503) request.log.debug(details, "slow request");
    else if (elapsedMs < VERY_SLOW_MS) request.log.warn(details, "slow request");
    else request.log.error(details, "very slow request");
  });
}
