// Heartbeats: targets that report in over HTTP, and what the poller makes of it.
import type { BeatReceipt, Heartbeat, HeartbeatToken, Job, Problem } from "@nightbell/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startPoller } from "../src/bin/roles/poller.js";
import { loadConfig } from "../src/config/config.js";
import { openDatabase } from "../src/platform/db.js";
import { createLogger } from "../src/platform/log.js";
import { apiWorld, type ApiWorld } from "./api-world.js";
import { type ApiClient, createFolder, eventually } from "./harness.js";
import { startProxy } from "./proxy.js";

const SUCCESS = 0;
const MISSED = 1;
const SYSTEM_ERROR = 2;

const definition = { title: "backup", type: "heartbeat", target: "backup@db1", cadenceSeconds: 60 };

async function createHeartbeat(client: ApiClient, more: object = {}): Promise<Job> {
  const { status, body } = await client.post<Job>("/api/jobs", { ...definition, ...more });
  expect(status).toBe(201);
  return body;
}

async function addressOf(client: ApiClient, job: Job): Promise<string> {
  const { status, body } = await client.post<HeartbeatToken>(`/api/jobs/${job.id}/heartbeat-token`);
  expect(status).toBe(201);
  return body.path;
}

const lastBeat = async (client: ApiClient, job: Job) =>
  (await client.get<Heartbeat>(`/api/jobs/${job.id}/heartbeat`)).body.lastBeat;

describe("a heartbeat's address", () => {
  let world: ApiWorld;
  let owner: ApiClient;
  let anybody: ApiClient;
  beforeAll(async () => {
    world = await apiWorld();
    owner = await world.owner();
    anybody = world.anonymous();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  it("is shown once, and takes beats from anybody by POST and by GET", async () => {
    const job = await createHeartbeat(owner);
    expect((await owner.get<Heartbeat>(`/api/jobs/${job.id}/heartbeat`)).body).toEqual({
      tokenCreatedAt: null,
      lastBeat: null,
    });
    const path = await addressOf(owner, job);
    expect(path).toMatch(/^\/api\/heartbeats\/[\w-]{32}$/);
    const receipt = await anybody.post<BeatReceipt>(path);
    expect(receipt).toMatchObject({ status: 200, body: { jobStatus: "pending" } });
    expect(Math.abs(Date.parse(receipt.body.receivedAt) - Date.now())).toBeLessThan(60_000);
    const after = (await owner.get<Heartbeat>(`/api/jobs/${job.id}/heartbeat`)).body;
    expect(after).toEqual({
      tokenCreatedAt: expect.any(String),
      lastBeat: { at: receipt.body.receivedAt, kind: "ok", durationMs: null, message: null },
    });
    expect(JSON.stringify(after)).not.toContain(path.split("/").at(-1));

    const again = await anybody.get<BeatReceipt>(`${path}?durationMs=12.5&message=done&rid=unknown`);
    expect(again.status).toBe(200);
    expect(await lastBeat(owner, job)).toEqual({
      at: again.body.receivedAt,
      kind: "ok",
      durationMs: 12.5,
      message: "done",
    });
  });

  it("takes failures with their reason, in a body or beside it, and cuts long ones", async () => {
    const job = await createHeartbeat(owner);
    const path = await addressOf(owner, job);
    await anybody.post(`${path}/fail`, { message: "disk full", durationMs: 3_000 });
    expect(await lastBeat(owner, job)).toMatchObject({
      kind: "fail",
      message: "disk full",
      durationMs: 3_000,
    });
    await anybody.get(`${path}/fail?message=by+GET`);
    expect(await lastBeat(owner, job)).toMatchObject({ kind: "fail", message: "by GET", durationMs: null });
    await anybody.post(`${path}?message=query`, { message: "body", durationMs: 1 });
    expect(await lastBeat(owner, job)).toMatchObject({ kind: "ok", message: "query", durationMs: 1 });
    await anybody.post(path, { message: "x".repeat(5_000) });
    expect((await lastBeat(owner, job))?.message).toBe("x".repeat(300));
  });

  it("takes a beat whose duration is an empty text, and refuses one that is none", async () => {
    const job = await createHeartbeat(owner);
    const path = await addressOf(owner, job);
    expect((await anybody.post(`${path}?durationMs=&message=`)).status).toBe(200);
    expect(await lastBeat(owner, job)).toMatchObject({ durationMs: null, message: null });
    for (const durationMs of ["soon", "-1", "1e99"]) {
      const { status, body } = await anybody.post<Problem>(`${path}?durationMs=${durationMs}`);
      expect(status).toBe(400);
      expect(body.errors?.[0]?.path).toBe("durationMs");
    }
  });

  it("is nobody's when it is not known, and says nothing more", async () => {
    for (const token of ["x", "a".repeat(32), "%00", "a".repeat(5_000), "../jobs"]) {
      const { status, body } = await anybody.post<Problem>(`/api/heartbeats/${encodeURIComponent(token)}`);
      expect({ token, status, code: body.code }).toMatchObject({ status: 404, code: "not_found" });
    }
  });

  it("refuses bodies that are too large, or not JSON", async () => {
    const path = await addressOf(owner, await createHeartbeat(owner));
    expect((await anybody.post<Problem>(path, { message: "x".repeat(20_000) })).body.code).toBe(
      "payload_too_large",
    );
    const text = await fetch(new URL(path, world.url), { method: "POST", body: "plain text" });
    expect(text.status).toBe(415);
  });

  it("ends with the next one, and with its job", async () => {
    const job = await createHeartbeat(owner);
    const first = await addressOf(owner, job);
    await anybody.post(first, { message: "kept" });
    const second = await addressOf(owner, job);
    expect((await anybody.post(first)).status).toBe(404);
    expect((await lastBeat(owner, job))?.message).toBe("kept");
    expect((await anybody.post(second)).status).toBe(200);
    await owner.delete(`/api/jobs/${job.id}`);
    expect((await anybody.post(second)).status).toBe(404);
  });

  it("is kept as a hash only", async () => {
    const token = (await addressOf(owner, await createHeartbeat(owner))).split("/").at(-1) ?? "";
    const rows = await world.db.selectFrom("heartbeats").selectAll().execute();
    expect(rows.length).toBeGreaterThan(0);
    expect(JSON.stringify(rows)).not.toContain(token);
    expect(JSON.stringify(rows.map((row) => row.token_hash.toString()))).not.toContain(token);
  });

  it("is for heartbeat jobs, which cannot be tested beforehand", async () => {
    const { body: job } = await owner.post<Job>("/api/jobs", { ...definition, type: "tcp", target: "h:1" });
    expect((await owner.post(`/api/jobs/${job.id}/heartbeat-token`)).status).toBe(404);
    expect((await owner.get(`/api/jobs/${job.id}/heartbeat`)).status).toBe(404);
    const test = await owner.post<Problem>("/api/probes/test", { type: "heartbeat", target: "backup" });
    expect(test).toMatchObject({ status: 400, body: { code: "validation_failed" } });
  });

  it("slows down who calls too often", async () => {
    await using strict = await apiWorld({ config: { RATE_LIMIT_PER_SECOND: 5 } });
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => strict.anonymous().post(`/api/heartbeats/${"a".repeat(32)}`)),
    );
    expect(answers.map(({ status }) => status)).toContain(429);
  });
});

/** The API and a poller, whose connection to the database goes through a proxy. */
async function measuredWorld() {
  const api = await apiWorld();
  const proxy = await startProxy(api.database.url);
  const database = openDatabase(proxy.url, { poolSize: 5, applicationName: "heartbeats" });
  const config = loadConfig({
    NIGHTBELL_DATA_DIR: await createFolder(),
    BATCH_SIZE: "1",
    BATCH_FLUSH_INTERVAL_MS: "50",
  });
  const log = createLogger("silent", "test");
  const poller = await startPoller({ config, database, log, lifecycle: () => "running" });
  const client = await api.owner();
  return {
    api,
    client,
    proxy,
    samples: (job: Job) =>
      api.db
        .selectFrom("samples")
        .innerJoin("jobs", "jobs.job_no", "samples.job_no")
        .select(["slot", "samples.status", "rtt_us", "error_code", "error"])
        .where("jobs.id", "=", job.id)
        .orderBy("slot")
        .execute(),
    [Symbol.asyncDispose]: async () => {
      await poller.stop(5_000);
      await database.close();
      await proxy[Symbol.asyncDispose]();
      await api[Symbol.asyncDispose]();
    },
  };
}

describe("a heartbeat job", () => {
  it("waits, is well while beats come, fails when told so, and is missed when they end", async () => {
    await using here = await measuredWorld();
    const job = await createHeartbeat(here.client, { cadenceSeconds: 0.2, options: { graceSeconds: 1 } });
    const newest = async () => (await here.samples(job)).at(-1);
    // Nothing came yet: nothing is said until it is overdue, 1.2 s after the first slot.
    const first = await eventually(async () => {
      const [sample] = await here.samples(job);
      expect(sample).toMatchObject({ status: MISSED, error_code: "heartbeat_missed" });
      return sample;
    });
    expect(first?.error).toMatch(/^no beat has come yet; the job runs since .*Z, expected one every 0.2 s/);
    const grid = await here.api.db.selectFrom("job_grids").selectAll().executeTakeFirstOrThrow();
    expect((first?.slot ?? 0) - grid.from_slot).toBeGreaterThanOrEqual(1_200);

    const path = await addressOf(here.client, job);
    await here.client.post(path, { durationMs: 1.5 });
    await eventually(async () => expect(await newest()).toMatchObject({ status: SUCCESS, rtt_us: 1_500 }));
    await here.client.post(`${path}/fail`, { message: "disk full" });
    await eventually(async () =>
      expect(await newest()).toMatchObject({
        status: MISSED,
        error_code: "heartbeat_failed",
        error: expect.stringMatching(/reported a failure: disk full$/),
      }),
    );
    await eventually(async () =>
      expect(await newest()).toMatchObject({
        error_code: "heartbeat_missed",
        error: expect.stringMatching(/^no beat since .*Z, expected one every 0.2 s with 1 s of grace$/),
      }),
    );
    await here.client.post(`${path}?durationMs=3600000`);
    await eventually(async () => expect(await newest()).toMatchObject({ status: SUCCESS, rtt_us: null }));
  });

  it("is never missed while the database is away", async () => {
    await using here = await measuredWorld();
    const job = await createHeartbeat(here.client, { cadenceSeconds: 0.2, options: { graceSeconds: 1 } });
    const path = await addressOf(here.client, job);
    await here.client.post(path);
    await eventually(async () => expect((await here.samples(job)).length).toBeGreaterThan(1));
    await here.proxy.cut();
    // Until the last beat is overdue for a second.
    const { at = "" } = (await lastBeat(here.client, job)) ?? {};
    await eventually(() => expect(Date.now() - Date.parse(at)).toBeGreaterThan(2_200));
    await here.client.post(path);
    await here.proxy.mend();
    const samples = await eventually(
      async () => {
        const rows = await here.samples(job);
        expect(rows.some(({ status }) => status === SYSTEM_ERROR)).toBe(true);
        expect(rows.at(-1)).toMatchObject({ status: SUCCESS });
        return rows;
      },
      { withinMs: 15_000 },
    );
    expect(samples.filter(({ status }) => status === MISSED)).toEqual([]);
    expect(samples.find(({ status }) => status === SYSTEM_ERROR)).toMatchObject({
      error_code: "database_unavailable",
      error: "the database gave no answer, so nobody knows whether a beat has come",
    });
  });
});
