// Jobs of the API, measured by a poller and found in the database.
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import type { Job } from "@nightbell/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startPoller } from "../src/bin/roles/poller.js";
import type { RunningPoller } from "../src/bin/roles/role.js";
import { loadConfig } from "../src/config/config.js";
import { createLogger } from "../src/platform/log.js";
import { apiWorld, type ApiWorld } from "./api-world.js";
import { whyNoIcmp } from "./echoes.js";
import { createFolder, eventually, execute, type ApiClient } from "./harness.js";

const SUCCESS = 0;
const MISSED = 1;
const SYSTEM_ERROR = 2;
/** Nothing listens there. */
const CLOSED = "127.0.0.1:1";

const noIcmp = await whyNoIcmp();

/** The API and one poller over a database of their own. */
async function world(environment: Record<string, string> = {}) {
  const api = await apiWorld();
  const client = await api.owner();
  const poller = await pollerOf(api, environment);
  return {
    ...api,
    client,
    poller,
    createJob: (job: object) => createJob(client, job),
    samples: (job: Job) => samplesOf(api, job),
    [Symbol.asyncDispose]: async () => {
      await poller.stop(5_000);
      await api[Symbol.asyncDispose]();
    },
  };
}

async function pollerOf({ database }: ApiWorld, environment: Record<string, string>): Promise<RunningPoller> {
  const folder = await createFolder();
  const batches = { BATCH_SIZE: "1", BATCH_FLUSH_INTERVAL_MS: "50" };
  const config = loadConfig({ NIGHTBELL_DATA_DIR: folder, ...batches, ...environment });
  return startPoller({ config, database, log: createLogger("silent", "test"), lifecycle: () => "running" });
}

async function createJob(client: ApiClient, job: object): Promise<Job> {
  const { status, body } = await client.post<Job>("/api/jobs", {
    title: "test",
    type: "tcp",
    target: CLOSED,
    cadenceSeconds: 0.1,
    ...job,
  });
  expect(status).toBe(201);
  return body;
}

function samplesOf({ db }: ApiWorld, job: Job) {
  return db
    .selectFrom("samples")
    .innerJoin("jobs", "jobs.job_no", "samples.job_no")
    .selectAll("samples")
    .where("jobs.id", "=", job.id)
    .orderBy("slot")
    .execute();
}

/** A TCP server on loopback that accepts and says nothing. */
async function listening() {
  const server = createServer((socket) => socket.on("error", () => undefined)).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    target: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}

describe.concurrent("a running job", () => {
  let here: Awaited<ReturnType<typeof world>>;
  beforeAll(async () => {
    here = await world();
  });
  afterAll(() => here[Symbol.asyncDispose]());

  it.for(["icmp", "tcp"])(
    "of type %s has a sample in every slot, with sequence, jitter and lateness",
    async (type, { skip }) => {
      if (type === "icmp" && noIcmp !== null) skip(noIcmp);
      await using server = await listening();
      const target = type === "icmp" ? "localhost" : server.target;
      const job = await here.createJob({ type, target, cadenceSeconds: 0.5 });
      const samples = await eventually(async () => {
        const rows = await here.samples(job);
        expect(rows.length).toBeGreaterThanOrEqual(5);
        return rows;
      });
      for (const [index, sample] of samples.entries()) {
        const previous = samples[index - 1];
        expect(sample).toMatchObject({ status: SUCCESS, error: null });
        expect(sample.rtt_us).toBeGreaterThan(0);
        expect(sample.lateness_us).toBeGreaterThanOrEqual(0);
        expect(sample.recorded_at.getTime()).toBeGreaterThanOrEqual(sample.slot);
        expect(sample.slot - (previous?.slot ?? sample.slot - 500)).toBe(500);
        expect(sample.sequence_number - (previous?.sequence_number ?? sample.sequence_number - 1)).toBe(1);
        expect(sample.jitter_us).toBe(
          previous === undefined ? null : Math.abs(Number(sample.rtt_us) - Number(previous.rtt_us)),
        );
      }
    },
  );

  it("in simulated mode has the history that its settings say", async () => {
    const simulation = { latencyMs: 5, jitterMs: 0, lossPercent: 50 };
    const job = await here.createJob({
      monitoringMode: "simulated",
      simulation,
      options: { timeoutMs: 50 },
    });
    await eventually(async () => {
      const samples = await here.samples(job);
      expect(samples.filter(({ status }) => status === SUCCESS).length).toBeGreaterThan(3);
      expect(samples.filter(({ status }) => status === MISSED).length).toBeGreaterThan(3);
      expect(samples.find(({ status }) => status === SUCCESS)).toMatchObject({ rtt_us: 5_000 });
    });
  });

  it("is measured as edited within a second", async () => {
    await using server = await listening();
    const job = await here.createJob({ target: CLOSED });
    await eventually(async () => expect((await here.samples(job)).length).toBeGreaterThan(2));
    await here.client.patch(`/api/jobs/${job.id}`, { target: server.target });
    const editedAt = Date.now();
    const first = await eventually(async () => {
      const found = (await here.samples(job)).find(({ status }) => status === SUCCESS);
      expect(found).toBeDefined();
      return found;
    });
    expect(Number(first?.slot) - editedAt).toBeLessThan(1_000);
  });

  it("stops and goes on within a second of pause and resume, and its sequence never falls", async () => {
    const job = await here.createJob({});
    await eventually(async () => expect((await here.samples(job)).length).toBeGreaterThan(2));
    await here.client.post(`/api/jobs/${job.id}/pause`);
    const pausedAt = Date.now();
    await eventually(async () => {
      const last = (await here.samples(job)).at(-1);
      expect(Date.now() - Number(last?.slot)).toBeGreaterThan(500);
    });
    const before = (await here.samples(job)).at(-1);
    expect(Number(before?.slot) - pausedAt).toBeLessThan(1_000);
    await here.client.post(`/api/jobs/${job.id}/resume`);
    const after = await eventually(async () => {
      const last = (await here.samples(job)).at(-1);
      expect(last?.slot).toBeGreaterThan(Number(before?.slot));
      return last;
    });
    expect(after?.sequence_number).toBeGreaterThan(Number(before?.sequence_number));
  });

  it("goes on along a new grid when its cadence changes, without a doubled sequence number", async () => {
    const job = await here.createJob({});
    await eventually(async () => expect((await here.samples(job)).length).toBeGreaterThan(2));
    await here.client.patch(`/api/jobs/${job.id}`, { cadenceSeconds: 0.25 });
    await eventually(
      async () => {
        const slots = (await here.samples(job)).map(({ slot }) => slot);
        const steps = slots.slice(1).map((slot, index) => slot - Number(slots[index]));
        expect(steps.slice(-3)).toEqual([250, 250, 250]);
      },
      { withinMs: 8_000 },
    );
    const samples = await here.samples(job);
    const grids = await here.db
      .selectFrom("job_grids")
      .selectAll()
      .where("job_no", "=", samples[0]?.job_no ?? 0)
      .execute();
    const outsideGrids = samples.filter(
      ({ slot }) =>
        !grids.some(
          ({ from_slot, to_slot, cadence_ms }) =>
            slot >= from_slot && slot < (to_slot ?? Infinity) && (slot - from_slot) % cadence_ms === 0,
        ),
    );
    expect(outsideGrids).toEqual([]);
    const sequence = samples.map(({ sequence_number }) => sequence_number);
    expect(sequence).toEqual([...new Set(sequence)].toSorted((a, b) => a - b));
  });

  it("is completed with its last result stored, within two seconds of it", async () => {
    const job = await here.createJob({ cadenceSeconds: 1, durationSeconds: 3 });
    const completed = await eventually(
      async () => {
        const { body } = await here.client.get<Job>(`/api/jobs/${job.id}`);
        expect(body.status).toBe("completed");
        return body;
      },
      { withinMs: 8_000 },
    );
    const samples = await here.samples(job);
    expect(samples).toHaveLength(3);
    const lastResult = Math.max(...samples.map(({ recorded_at }) => recorded_at.getTime()));
    expect(Date.parse(completed.completedAt ?? "") - lastResult).toBeLessThan(2_000);
  });

  it("is measured no more a second after it was deleted", async () => {
    const job = await here.createJob({});
    const samples = await eventually(async () => {
      const rows = await here.samples(job);
      expect(rows.length).toBeGreaterThan(2);
      return rows;
    });
    const deletedAt = Date.now();
    await here.client.delete(`/api/jobs/${job.id}`);
    await eventually(() => expect(Date.now() - deletedAt).toBeGreaterThan(2_000));
    const { newest } = await here.db
      .selectFrom("samples")
      .select((eb) => eb.fn.max("slot").as("newest"))
      .where("job_no", "=", samples[0]?.job_no ?? 0)
      .executeTakeFirstOrThrow();
    expect(newest - deletedAt).toBeLessThan(1_000);
  });
});

describe("a poller", () => {
  it("measures its share of the jobs and no other", async () => {
    await using here = await world({ REPLICA_COUNT: "2", REPLICA_ID: "0" });
    const jobs = await Promise.all(Array.from({ length: 12 }, () => here.createJob({})));
    const measured = async () => {
      const counts = await Promise.all(jobs.map(async (job) => (await here.samples(job)).length));
      return counts.filter((count) => count > 0).length;
    };
    await eventually(async () => {
      const [first] = await Promise.all(jobs.map((job) => here.samples(job)));
      expect(first).toBeDefined();
      expect(await measured()).toBeGreaterThan(0);
    });
    const running = await here.db.selectFrom("jobs").select("id").where("status", "=", "running").execute();
    expect(running.length).toBeLessThan(jobs.length);
    const second = await pollerOf(here, { REPLICA_COUNT: "2", REPLICA_ID: "1" });
    await eventually(async () => expect(await measured()).toBe(jobs.length));
    await second.stop(2_000);
  });

  it("measures only the jobs of its location", async () => {
    await using here = await world({ POLLER_LOCATION: "elsewhere" });
    const local = await here.createJob({});
    const remote = await here.createJob({ locations: ["elsewhere"] });
    await eventually(async () => expect((await here.samples(remote)).length).toBeGreaterThan(2));
    expect(await here.samples(local)).toEqual([]);
  });

  it("finds at the next full comparison what no change has told it", async () => {
    await using here = await world({ POLL_INTERVAL_MS: "300" });
    const [kept, lost] = [await here.createJob({}), await here.createJob({})];
    await eventually(async () => expect((await here.samples(lost)).length).toBeGreaterThan(2));
    const jobNo = (await here.samples(lost))[0]?.job_no ?? 0;
    // As if the row had never been there: no trigger tells of it.
    await execute(
      here.database.url,
      `set session_replication_role = replica; delete from jobs where id = '${lost.id}'`,
    );
    const newest = async (number: number) => {
      const { slot } = await here.db
        .selectFrom("samples")
        .select((eb) => eb.fn.max("slot").as("slot"))
        .where("job_no", "=", number)
        .executeTakeFirstOrThrow();
      return slot;
    };
    await eventually(async () => expect(Date.now() - (await newest(jobNo))).toBeGreaterThan(1_000));
    const keptNo = (await here.samples(kept))[0]?.job_no ?? 0;
    await eventually(async () => expect(Date.now() - (await newest(keptNo))).toBeLessThan(1_000));
  });

  it("says that it was overloaded when a probe finds no place before its timeout", async () => {
    await using server = await listening();
    await using here = await world({ CONCURRENCY: "1" });
    // Each holds the only place for its whole timeout: nothing is ever answered.
    const greedy = await here.createJob({
      type: "tls",
      target: server.target,
      cadenceSeconds: 0.2,
      options: { timeoutMs: 400 },
    });
    const overloaded = await eventually(async () => {
      const found = (await here.samples(greedy)).find(({ error_code }) => error_code === "overloaded");
      expect(found).toBeDefined();
      return found;
    });
    expect(overloaded).toMatchObject({ status: SYSTEM_ERROR, rtt_us: null });
  });

  it("measures on while the database is away, and stores what it measured when it is back", async () => {
    await using here = await world();
    const job = await here.createJob({ cadenceSeconds: 0.5 });
    await eventually(async () => expect((await here.samples(job)).length).toBeGreaterThan(2));
    const name = new URL(here.database.url).pathname.slice(1);
    const admin = new URL(here.database.url);
    admin.pathname = "/postgres";
    const awayFrom = Date.now();
    await execute(admin.href, `alter database ${name} allow_connections false`);
    await execute(
      admin.href,
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`,
    );
    await eventually(() => expect(Date.now() - awayFrom).toBeGreaterThan(1_500));
    await execute(admin.href, `alter database ${name} allow_connections true`);
    const backAt = Date.now();
    const slots = await eventually(
      async () => {
        const found = (await here.samples(job)).map(({ slot }) => slot);
        expect(found.at(-1)).toBeGreaterThan(backAt);
        return found;
      },
      { withinMs: 15_000 },
    );
    const away = slots.filter((slot) => slot > awayFrom && slot < backAt);
    expect(away.length).toBeGreaterThanOrEqual(2);
    expect(slots.every((slot, index) => index === 0 || slot - Number(slots[index - 1]) === 500)).toBe(true);
  });

  it("stores what is under way when it stops, and starts nothing more", async () => {
    await using server = await listening();
    await using here = await world();
    const slow = await here.createJob({
      type: "tls",
      target: server.target,
      cadenceSeconds: 0.2,
      options: { timeoutMs: 700 },
    });
    await eventually(async () => expect((await here.samples(slow)).length).toBeGreaterThan(1));
    const stoppedAt = Date.now();
    await here.poller.stop(5_000);
    const samples = await here.samples(slow);
    // The last slot before the stop had just begun to wait for its answer.
    expect(stoppedAt - Number(samples.at(-1)?.slot)).toBeLessThan(400);
    expect(samples.at(-1)).toMatchObject({ status: MISSED, error_code: "timeout" });
    expect(samples.every(({ slot }) => slot <= stoppedAt)).toBe(true);
  });

  it("leaves a gap where a probe could not end before the deadline", async () => {
    await using server = await listening();
    await using here = await world();
    const endless = await here.createJob({
      type: "tls",
      target: server.target,
      options: { timeoutMs: 60_000 },
    });
    const quick = await here.createJob({ target: server.target });
    await eventually(async () => expect((await here.samples(quick)).length).toBeGreaterThan(2));
    const stoppedAt = performance.now();
    await here.poller.stop(3_000);
    expect(performance.now() - stoppedAt).toBeLessThan(3_000);
    expect(await here.samples(endless)).toEqual([]);
  });
});
