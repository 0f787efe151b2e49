import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import type { Health, Problem } from "@nightbell/contract";
import { Gauge, Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { monitoringRoutes, startHealthServer } from "../src/features/monitoring/index.js";
import { type DatabaseHandle, openDatabase } from "../src/platform/db.js";
import { type App, buildApp } from "../src/platform/http/app.js";
import { createLogger } from "../src/platform/log.js";
import { createDatabase, eventually } from "./harness.js";

interface Monitored extends AsyncDisposable {
  readonly app: App;
  readonly database: DatabaseHandle;
  setRunning(isRunning: boolean): void;
  setPollerTrouble(trouble: string | null): void;
}

/** The monitoring routes over a database; by default one that does not answer. */
async function monitored(url?: string): Promise<Monitored> {
  const silent = createServer(() => {}).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const database = openDatabase(url ?? `postgres://x@127.0.0.1:${(silent.address() as AddressInfo).port}/x`, {
    poolSize: 4,
    applicationName: "monitoring-test",
  });
  let isRunning = true;
  let pollerTrouble: string | null = null;
  const app = await buildApp({
    config: { RATE_LIMIT_PER_SECOND: 2, TRUST_PROXY: false },
    log: createLogger("silent", "test"),
    authenticate: async () => null,
    webRoot: "/nonexistent",
  });
  await monitoringRoutes(app, {
    database,
    isRunning: () => isRunning,
    pollerTrouble: () => pollerTrouble,
    registry: new Registry(),
    collectJobMetrics: async () => [],
    collectMetrics: async () => [await pollerMetrics(3), await pollerMetrics(4)],
  });
  return {
    app,
    database,
    setRunning: (value) => {
      isRunning = value;
    },
    setPollerTrouble: (value) => {
      pollerTrouble = value;
    },
    async [Symbol.asyncDispose]() {
      await app.close();
      silent.close();
      await database.close();
    },
  };
}

async function pollerMetrics(jobs: number) {
  const registry = new Registry();
  const gauge = new Gauge({
    name: "nightbell_poller_jobs",
    help: "Jobs this poller measures",
    registers: [registry],
  });
  gauge.set(jobs);
  return registry.getMetricsAsJSON();
}

describe("health", () => {
  it("is told without an account, without a limit and without a database", async () => {
    await using world = await monitored();
    for (let call = 0; call < 20; call += 1) {
      expect((await world.app.inject("/health")).json()).toEqual({ status: "ok" });
    }
    const answer = await world.app.inject("/api/health");
    expect(answer.statusCode).toBe(200);
    const health = answer.json<Health>();
    expect(health.metrics.database).toMatchObject({
      used: 0,
      waiting: 0,
      size: 4,
      percent: 0,
      lastAnswerAt: null,
    });
    expect(health.metrics.memoryPercent).toBeGreaterThan(0);
    expect(health.metrics.memoryPercent).toBeLessThanOrEqual(100);
    expect(health.metrics.rssBytes).toBeGreaterThan(1_000_000);
    expect(Date.parse(health.timestamp)).toBeGreaterThan(Date.now() - 60_000);
  });

  it("of readiness asks the database, and does not wait for it for ever", async () => {
    await using away = await monitored();
    const startedAt = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => away.app.inject("/api/health?mode=readiness")),
    );
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    for (const answer of answers) {
      expect(answer.statusCode).toBe(503);
      expect(answer.json<Health>()).toMatchObject({ status: "critical" });
      expect(answer.json<Health>().alerts.at(-1)?.message).toBe("not ready: the database does not answer");
    }

    await using database = await createDatabase();
    await using there = await monitored(database.url);
    expect((await there.app.inject("/api/health?mode=readiness")).statusCode).toBe(200);
    expect((await there.app.inject("/api/health?mode=nonsense")).statusCode).toBe(400);
  });

  it("of the pool is critical when every connection is in use", async () => {
    await using database = await createDatabase();
    await using world = await monitored(database.url);
    const sleeping = Array.from({ length: 6 }, () => world.database.pool.query("select pg_sleep(1)"));
    await eventually(async () => {
      const health = (await world.app.inject("/api/health")).json<Health>();
      expect(health).toMatchObject({
        status: "critical",
        metrics: { database: { used: 4, waiting: 2, size: 4, percent: 100 } },
      });
      expect(health.alerts).toContainEqual(
        expect.objectContaining({ level: "critical", metric: "connections" }),
      );
    });
    await Promise.all(sleeping);
  });

  it("says ready only while it runs and the database answers", async () => {
    await using database = await createDatabase();
    await using world = await monitored(database.url);
    expect((await world.app.inject("/ready")).statusCode).toBe(200);
    world.setRunning(false);
    const answer = await world.app.inject("/ready");
    expect(answer.statusCode).toBe(503);
    expect(answer.json<Problem>().code).toBe("not_ready");
    expect((await world.app.inject("/health")).statusCode).toBe(200);

    await using away = await monitored();
    const refused = await away.app.inject("/ready");
    expect(refused.statusCode).toBe(503);
    expect(refused.json<Problem>().detail).toBe("Not ready: the database does not answer.");
  });

  it("asks the database once for all who ask within a second", async () => {
    await using database = await createDatabase();
    await using world = await monitored(database.url);
    const startedAt = performance.now();
    const lastAnswers = new Set<unknown>();
    for (let call = 0; call < 20; call += 1) {
      const { metrics } = (await world.app.inject("/api/health?mode=readiness")).json<Health>();
      lastAnswers.add(metrics.database.lastAnswerAt);
    }
    await Promise.all(Array.from({ length: 20 }, () => world.app.inject("/ready")));
    const seconds = Math.ceil((performance.now() - startedAt) / 1_000);
    expect(lastAnswers).not.toContain(null);
    expect(lastAnswers.size).toBeLessThanOrEqual(1 + seconds);
  });

  it("says since when the poller does not measure, and is not ready then", async () => {
    await using database = await createDatabase();
    await using world = await monitored(database.url);
    world.setPollerTrouble("the poller process 7 has not answered since 2026-01-01T00:00:00.000Z");
    const answer = await world.app.inject("/api/health");
    expect(answer.statusCode).toBe(200);
    expect(answer.json<Health>().status).toBe("critical");
    expect(answer.json<Health>().alerts).toContainEqual({
      level: "critical",
      metric: "poller",
      message:
        "the poller process 7 has not answered since 2026-01-01T00:00:00.000Z: its jobs are not measured; see the log",
    });
    expect((await world.app.inject("/ready")).json<Problem>().detail).toContain("has not answered since");
    world.setPollerTrouble(null);
    expect((await world.app.inject("/ready")).statusCode).toBe(200);
  });
});

describe("metrics", () => {
  it("are those of every process, by route and never by address", async () => {
    await using world = await monitored();
    await world.app.inject("/api/health?mode=nonsense");
    await world.app.inject("/nothing/at/all");
    const answer = await world.app.inject("/metrics");
    expect(answer.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(answer.body).toContain("\nnightbell_poller_jobs 7\n");
    expect(answer.body).toMatch(/process_resident_memory_bytes\{role="api"\} \d{7,}/);
    expect(answer.body).toMatch(
      /nightbell_http_request_duration_seconds_count\{method="GET",route="none",status="404"\} 1/,
    );
    expect(answer.body).not.toContain("/nothing/at/all");
    expect(answer.body).toContain("nightbell_database_pool_limit 4");
    expect(answer.body).toMatch(/^nightbell_database_up [01]$/m);
    // What `promtool check metrics` refuses: a gauge named like a counter, a metric without help.
    expect([...answer.body.matchAll(/^# TYPE (\w+_total) (?!counter)/gm)]).toEqual([]);
    const typed = [...answer.body.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name);
    const helped = [...answer.body.matchAll(/^# HELP (\w+) \S/gm)].map(([, name]) => name);
    expect(typed).toEqual(helped);
    expect(new Set(typed).size).toBe(typed.length);
  });
});

it("a role without the API answers the same questions", async () => {
  let reason: string | null = "the poller is starting";
  const server = await startHealthServer({
    host: "127.0.0.1",
    port: 0,
    notReady: () => reason,
    role: "scheduler",
    metrics: async () => [await pollerMetrics(5)],
  });
  const get = async (path: string, method = "GET") =>
    fetch(`http://127.0.0.1:${server.port}${path}`, { method });
  expect((await get("/health")).status).toBe(200);
  const refused = await get("/ready");
  expect(refused.status).toBe(503);
  expect(await refused.json()).toEqual({ status: "the poller is starting" });
  reason = null;
  expect((await get("/ready?x=1")).status).toBe(200);
  expect(await (await get("/metrics")).text()).toContain("nightbell_poller_jobs 5");
  expect((await get("/api/jobs")).status).toBe(404);
  expect((await get("/health", "POST")).status).toBe(404);
  await server.stop(1_000);
  await expect(get("/health")).rejects.toThrow("fetch failed");
});
