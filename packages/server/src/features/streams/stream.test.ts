import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { randomUUID } from "node:crypto";
import { HIDDEN, type Role, type StreamEvent } from "@nightbell/contract";
import { Registry } from "prom-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../../../test/harness.js";
import {
  addJob,
  addOrganisation,
  createWorld,
  sampleAt,
  store,
  type TestJob,
  type World,
} from "../../../test/samples.js";
import { openSse, type SseStream } from "../../../test/sse-client.js";
import { type Clock, systemClock } from "../../platform/clock.js";
import { openDatabase } from "../../platform/db.js";
import type { Authenticate } from "../../platform/http/access.js";
import { buildApp } from "../../platform/http/app.js";
import { createLogger } from "../../platform/log.js";
import { SampleNotifier } from "../samples/index.js";
import { streamRoutes } from "./routes.js";

const log = createLogger("silent", "test");
const CADENCE_MS = 1_000;

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

interface Instance extends AsyncDisposable {
  stream(
    jobs: readonly TestJob[],
    lastEventId?: string,
    userId?: string,
    role?: Role,
  ): Promise<SseStream<StreamEvent>>;
  /** Queries of this instance to the database so far. */
  queryCount(): number;
  close(): Promise<void>;
}

const authenticate: Authenticate = async (token) => {
  const [organisationId = "", userId, role = "viewer"] = token.split("~");
  return { userId: userId || randomUUID(), organisationId, role: role as Role, isTestAccount: false };
};

/** An API server of its own. A bearer token is the id of the organisation it acts in, and of the account and its role if they matter. */
async function startInstance({ maxConnections = 100, clock = systemClock } = {}): Promise<Instance> {
  const database = openDatabase(world.url, { poolSize: 4, applicationName: "instance" });
  let queries = 0;
  database.pool.on("acquire", () => (queries += 1));
  const app = await buildApp({
    config: { RATE_LIMIT_PER_SECOND: 1_000, TRUST_PROXY: false },
    log,
    authenticate,
  });
  const config = { SSE_MAX_CONNECTIONS: maxConnections };
  await streamRoutes(app, { database, config, log, clock, registry: new Registry(), authenticate });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const close = async () => {
    await app.close();
    await database.close();
  };
  return {
    stream: (jobs, lastEventId, userId = "", role = "viewer") =>
      openSse(`${url}/api/stream?topics=${jobs.map(({ id }) => `job:${id}`).join(",")}`, {
        token: [world.organisationId, userId, role].join("~"),
        ...(lastEventId === undefined ? {} : { lastEventId }),
      }),
    queryCount: () => queries,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A running job, and what stores its samples as a poller does: write, then notify. */
async function runningJob(): Promise<
  TestJob & { measure(slot: number): Promise<void>; slot(k: number): number }
> {
  const fromSlot = Math.floor(Date.now() / CADENCE_MS) * CADENCE_MS - 3_600_000;
  const job = await addJob(world, [{ fromSlot, toSlot: null, cadenceMs: CADENCE_MS, firstSequence: 0 }]);
  const notifier = new SampleNotifier(world.database, log);
  const newest = Math.floor(Date.now() / CADENCE_MS) * CADENCE_MS;
  return {
    ...job,
    slot: (k) => newest + k * CADENCE_MS,
    async measure(slot) {
      const sample = sampleAt(slot, job.jobNo);
      await store(world, [sample]);
      notifier.samplesStored([sample]);
      await notifier.flush();
    },
  };
}

const slotsOf = (stream: SseStream<StreamEvent>, job: TestJob) =>
  stream.events.flatMap(({ data }) =>
    data.type === "samples" && data.jobId === job.id
      ? data.samples.map((sample) => Date.parse(sample.scheduledAt))
      : [],
  );
const isNews = (event: StreamEvent) => event.type === "job";
const has = (job: TestJob, slot: number) => (event: StreamEvent) =>
  event.type === "samples" &&
  event.jobId === job.id &&
  event.samples.some((sample) => Date.parse(sample.scheduledAt) === slot);

test("pushes samples as they are stored, once each, and begins with those of the last seconds", async () => {
  await using instance = await startInstance();
  const job = await runningJob();
  await job.measure(job.slot(-2));
  await using stream = await instance.stream([job]);
  expect(stream).toMatchObject({
    status: 200,
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store, no-transform",
      "x-accel-buffering": "no",
    },
  });
  await stream.next(has(job, job.slot(-2)));
  await job.measure(job.slot(0));
  const { data } = await stream.next(has(job, job.slot(0)));
  expect(data).toMatchObject({
    samples: [
      { status: "success", rttMs: 10, location: "default", scheduledAt: new Date(job.slot(0)).toISOString() },
    ],
  });
  await job.measure(job.slot(-1));
  await stream.next(has(job, job.slot(-1)));
  expect(slotsOf(stream, job)).toEqual([job.slot(-2), job.slot(0), job.slot(-1)]);
});

test("pushes samples that were stored long after their slot", async () => {
  await using instance = await startInstance();
  const job = await runningJob();
  await using stream = await instance.stream([job]);
  await job.measure(job.slot(-500));
  await stream.next(has(job, job.slot(-500)));
  expect(slotsOf(stream, job)).toEqual([job.slot(-500)]);
});

test("pushes changes of the job, and its end", async () => {
  await using instance = await startInstance();
  const job = await runningJob();
  await using stream = await instance.stream([job]);
  const { db } = world.database;
  await db.updateTable("jobs").set({ status: "paused" }).where("id", "=", job.id).execute();
  await stream.next((event) => event.type === "job" && event.job?.status === "paused");
  await db.deleteFrom("jobs").where("id", "=", job.id).execute();
  await stream.next((event) => event.type === "job" && event.job === null);
  expect(stream.events.map(({ data }) => data.type)).toEqual(["job", "job"]);
});

test("says of a job what its probe sends only to those who may edit it", async () => {
  await using instance = await startInstance();
  const job = await runningJob();
  await using viewer = await instance.stream([job]);
  await using responder = await instance.stream([job], undefined, undefined, "responder");
  const options = { timeoutMs: 1_000, headers: { authorization: "s3cret" } };
  const { db } = world.database;
  await db
    .updateTable("jobs")
    .set({ type: "http", options: JSON.stringify(options) })
    .where("id", "=", job.id)
    .execute();
  expect((await responder.next(isNews)).data).toMatchObject({ job: { options } });
  expect((await viewer.next(isNews)).data).toMatchObject({
    job: { options: { ...options, headers: { authorization: HIDDEN } } },
  });
});

test("resumes after the event that the client has, for all topics of the stream", async () => {
  await using instance = await startInstance();
  const [first, second] = [await runningJob(), await runningJob()];
  await using witness = await instance.stream([first, second]);
  await using before = await instance.stream([first, second]);
  await first.measure(first.slot(-3));
  const { id } = await before.next(has(first, first.slot(-3)));
  before.close();
  await second.measure(second.slot(-2));
  await witness.next(has(second, second.slot(-2)));
  await first.measure(first.slot(-1));
  await witness.next(has(first, first.slot(-1)));

  await using after = await instance.stream([first, second], id);
  await first.measure(first.slot(0));
  await after.next(has(first, first.slot(0)));
  expect(slotsOf(after, first)).toEqual([first.slot(-1), first.slot(0)]);
  expect(slotsOf(after, second)).toEqual([second.slot(-2)]);
  const numbers = after.events.map((event) => Number(event.id.split("-")[2]));
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
});

test("resumes on another instance, and on the same one after everybody left, from the database", async () => {
  await using first = await startInstance();
  await using second = await startInstance();
  const job = await runningJob();
  await using before = await first.stream([job]);
  await job.measure(job.slot(-60));
  const { id } = await before.next(has(job, job.slot(-60)));
  before.close();
  for (const k of [-3, -2, -1]) await job.measure(job.slot(k));
  for (const instance of [second, first]) {
    await using after = await instance.stream([job], id);
    await after.next((event) => event.type === "job");
    await after.next(has(job, job.slot(-1)));
    expect(slotsOf(after, job)).toEqual(expect.arrayContaining([-3, -2, -1].map((k) => job.slot(k))));
  }
});

test("goes on within seconds after the database has stood still, however long that was", async () => {
  let stoodStillMs = 0;
  const clock: Clock = { now: () => Date.now(), monotonic: () => performance.now() + stoodStillMs };
  await using instance = await startInstance({ clock });
  const job = await runningJob();
  await using stream = await instance.stream([job]);
  const holder = await world.database.pool.connect();
  await holder.query("begin");
  await holder.query("lock table jobs in access exclusive mode");
  await eventually(async () => {
    const waiting = await holder.query(
      "select from pg_locks where relation = 'jobs'::regclass and not granted",
    );
    expect(waiting.rowCount).toBe(1);
  });
  await job.measure(job.slot(-1));
  stoodStillMs = 60_000;
  await holder.query("commit");
  holder.release();
  await stream.next(has(job, job.slot(-1))); // Found by the look that stood still.
  await job.measure(job.slot(0));
  await stream.next(has(job, job.slot(0)));
});

test("is closed to others' jobs, to unknown ones and to what is no topic", async () => {
  await using instance = await startInstance();
  const job = await runningJob();
  const foreign = await addJob({ ...world, organisationId: await addOrganisation(world.database) }, []);
  await using stream = await instance.stream([job]);
  expect(stream.status).toBe(200);
  for (const jobs of [[foreign], [{ id: randomUUID(), jobNo: 0 }], [job, foreign]]) {
    await using refused = await instance.stream(jobs);
    expect(refused.status).toBe(404);
    expect(JSON.parse(refused.body)).toMatchObject({ code: "not_found" });
  }
  await using refused = await instance.stream([{ id: "x", jobNo: 0 }]);
  expect(refused.status).toBe(400);
});

test("refuses more streams than it is set to serve, until one ends", async () => {
  await using instance = await startInstance({ maxConnections: 1 });
  const job = await runningJob();
  const stream = await instance.stream([job]);
  await using refused = await instance.stream([job]);
  expect(refused.status).toBe(503);
  expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
  expect(JSON.parse(refused.body)).toMatchObject({ code: "too_many_streams" });
  stream.close();
  await eventually(async () => {
    await using next = await instance.stream([job]);
    expect(next.status).toBe(200);
  });
});

test("gives one account's streams up for those of another when there is no more room", async () => {
  await using instance = await startInstance({ maxConnections: 2 });
  const job = await runningJob();
  const [greedy, modest] = [randomUUID(), randomUUID()];
  await using first = await instance.stream([job], undefined, greedy);
  await using second = await instance.stream([job], undefined, greedy);
  await using third = await instance.stream([job], undefined, modest);
  await using refused = await instance.stream([job], undefined, greedy);
  expect([first, second, third, refused].map(({ status }) => status)).toEqual([200, 200, 200, 503]);
  await eventually(() => expect(first.isOpen).toBe(false));
  await job.measure(job.slot(0));
  for (const stream of [second, third]) await stream.next(has(job, job.slot(0)));
});

test("ends its streams when the server closes", async () => {
  const instance = await startInstance();
  const stream = await instance.stream([await runningJob()]);
  await instance.close();
  await eventually(() => expect(stream.isOpen).toBe(false));
});

test("costs the database the same for one client as for many, and nothing for none", async () => {
  await using instance = await startInstance();
  const job = await runningJob();
  const streams = await Promise.all(Array.from({ length: 50 }, () => instance.stream([job])));
  const [startedAt, startCount] = [performance.now(), instance.queryCount()];
  for (const k of [-4, -3, -2, -1]) {
    await job.measure(job.slot(k));
    for (const stream of streams) await stream.next(has(job, job.slot(k)));
  }
  // At most four looks a second, each of two queries, and those under way at both ends.
  const seconds = (performance.now() - startedAt) / 1_000;
  expect(instance.queryCount() - startCount).toBeLessThanOrEqual(Math.ceil(seconds * 8) + 4);

  for (const stream of streams) stream.close();
  await eventually(async () => {
    const count = instance.queryCount();
    await job.measure(job.slot(0));
    await sleep(1_100); // longer than the pause between two looks
    expect(instance.queryCount()).toBe(count);
  });
});
