// A poller that cannot reach its own reference targets (M16): targets and reference stand behind one cable, and that is
// pulled. No miss is held against a target, no alert is raised about one, but one about the poller.
import type { AlertPage, Job, PollerPage } from "@nightbell/contract";
import { describe, expect, it } from "vitest";
import { startPoller } from "../src/bin/roles/poller.js";
import type { RunningPoller } from "../src/bin/roles/role.js";
import { loadConfig } from "../src/config/config.js";
import { settleOfflineAlerts } from "../src/features/alerts/index.js";
import { openDatabase } from "../src/platform/db.js";
import { createLogger } from "../src/platform/log.js";
import { apiWorld, type ApiWorld } from "./api-world.js";
import { type ApiClient, createFolder, eventually } from "./harness.js";
import { startProxy } from "./proxy.js";
import { createHost, whyNoNetwork } from "./responder/network.js";

const obstacle = whyNoNetwork();

const MISSED = 1;
const SYSTEM_ERROR = 2;
/** Last bytes of addresses that answer at once. */
const TARGETS = [50, 51];
const REFERENCE = 60;
const OTHER_REFERENCE = 61;
const TIMEOUT_MS = 300;
/** A miss may be known so much later than without references. */
const HELD_MS = 2_000;

/** A network, the API, the scheduler's task that alerts about pollers, and jobs that measure targets five times a second. */
async function world() {
  const host = createHost();
  const responder = await host.respond();
  const api = await apiWorld();
  const client = await api.owner();
  const settling = setInterval(
    () => void settleOfflineAlerts(api.db, Date.now()).catch(() => undefined),
    200,
  );
  await client.post("/api/alert-rules", {
    name: "Any miss",
    condition: { kind: "missed", missed: 1, of: 1, recovery: { successes: 1 } },
  });
  const jobs = await Promise.all(
    TARGETS.map(async (lastByte) => {
      const { body } = await client.post<Job>("/api/jobs", {
        title: `target ${lastByte}`,
        type: "icmp",
        target: host.address(lastByte),
        cadenceSeconds: 0.2,
        options: { timeoutMs: TIMEOUT_MS },
      });
      return body;
    }),
  );
  return {
    ...api,
    host,
    reference: host.address(REFERENCE),
    client,
    jobs,
    alerts: async () => (await client.get<AlertPage>("/api/alerts")).body.data,
    poller: async () => (await client.get<PollerPage>("/api/pollers")).body.data[0],
    /** Samples of each job since a time. */
    samples: (since = 0) => Promise.all(jobs.map((job) => samplesOf(api, job, since))),
    async [Symbol.asyncDispose]() {
      clearInterval(settling);
      await responder.report();
      host.remove();
      await api[Symbol.asyncDispose]();
    },
  };
}

function samplesOf({ db }: ApiWorld, job: Job, since: number) {
  return db
    .selectFrom("samples")
    .innerJoin("jobs", "jobs.job_no", "samples.job_no")
    .selectAll("samples")
    .where("jobs.id", "=", job.id)
    .where("slot", ">=", since)
    .orderBy("slot")
    .execute();
}

interface StartedPoller extends AsyncDisposable {
  readonly running: RunningPoller;
}

async function poller(
  { database }: ApiWorld,
  environment: Record<string, string>,
  url = database.url,
): Promise<StartedPoller> {
  const config = loadConfig({
    NIGHTBELL_DATA_DIR: await createFolder(),
    BATCH_SIZE: "1",
    BATCH_FLUSH_INTERVAL_MS: "50",
    ...environment,
  });
  const own = openDatabase(url, { poolSize: 5, applicationName: "test poller", connectTimeoutMs: 1_000 });
  const running = await startPoller({
    config,
    database: own,
    log: createLogger("silent", "test"),
    lifecycle: () => "running",
  });
  return {
    running,
    async [Symbol.asyncDispose]() {
      await running.stop(5_000);
      await own.close();
    },
  };
}

async function metricOf({ running }: StartedPoller, name: string): Promise<number | undefined> {
  const metric = (await running.metrics()).find((each) => each.name === name);
  return metric?.values[0]?.value;
}

const measuredSince = async (here: Awaited<ReturnType<typeof world>>, time: number) => {
  for (const samples of await here.samples(time))
    expect(samples.filter(({ status }) => status === 0).length).toBeGreaterThan(3);
};

describe.skipIf(obstacle !== null)(
  `a poller with references${obstacle === null ? "" : ` (skipped: ${obstacle})`}`,
  () => {
    it("holds nothing against targets while it is offline, and raises an alert about itself", async () => {
      await using here = await world();
      await using _ = await poller(here, {
        REFERENCE_TARGETS: here.reference,
        POLLER_NAME: "north",
      });
      await eventually(() => measuredSince(here, 0));

      here.host.goDark();
      const darkAt = Date.now();
      await eventually(
        async () => {
          expect(await here.alerts()).toMatchObject([
            {
              kind: "self",
              status: "open",
              title: "The poller north at default cannot reach its reference targets",
            },
          ]);
          for (const samples of await here.samples(darkAt))
            expect(samples.filter(({ status }) => status === SYSTEM_ERROR).length).toBeGreaterThan(5);
        },
        { withinMs: 15_000 },
      );
      expect(await here.poller()).toMatchObject({
        name: "north",
        references: {
          targets: [{ target: `icmp://${here.reference}`, isReachable: false, hasAnswered: true }],
          offlineSince: expect.any(String),
        },
      });

      here.host.comeBack();
      const backAt = Date.now();
      await eventually(
        async () => {
          await measuredSince(here, backAt);
          expect(await here.alerts()).toMatchObject([{ kind: "self", status: "resolved" }]);
          expect(await here.poller()).toMatchObject({ references: { offlineSince: null } });
        },
        { withinMs: 15_000 },
      );
      const samples = (await here.samples()).flat();
      expect(samples.filter(({ status }) => status === MISSED)).toEqual([]);
      const ours = samples.find(({ error_code }) => error_code === "poller_offline");
      expect(ours?.error).toContain(`icmp://${here.reference}`);
    }, 60_000);

    it("tells of its absence afterwards when it was cut off from the database as well", async () => {
      await using here = await world();
      await using proxy = await startProxy(here.database.url);
      await using started = await poller(here, { REFERENCE_TARGETS: here.reference }, proxy.url);
      await eventually(() => measuredSince(here, 0));

      await proxy.cut();
      here.host.goDark();
      const darkAt = Date.now();
      await eventually(async () => expect(await metricOf(started, "nightbell_poller_offline")).toBe(1), {
        withinMs: 10_000,
      });
      here.host.comeBack();
      await eventually(async () => expect(await metricOf(started, "nightbell_poller_offline")).toBe(0), {
        withinMs: 10_000,
      });
      expect(await here.alerts()).toEqual([]);
      await proxy.mend();
      const backAt = Date.now();
      await eventually(
        async () => {
          await measuredSince(here, backAt);
          const about = (await here.alerts()).filter(({ title }) => title.includes("reference targets"));
          expect(about).toMatchObject([{ kind: "self", status: "resolved" }]);
          expect(Math.abs(Date.parse(about[0]?.startedAt ?? "") - darkAt)).toBeLessThan(2_000);
          expect(Date.parse(about[0]?.resolvedAt ?? "")).toBeLessThan(backAt);
        },
        { withinMs: 20_000 },
      );
      const samples = (await here.samples()).flat();
      expect(samples.filter(({ status }) => status === MISSED)).toEqual([]);
      expect(samples.filter(({ error_code }) => error_code === "poller_offline").length).toBeGreaterThan(10);
      expect((await here.alerts()).filter(({ kind }) => kind !== "self")).toEqual([]);
    }, 60_000);

    it("holds a miss against a target that is down, and alerts about it two seconds later at most", async () => {
      await using here = await world();
      await using _ = await poller(here, { REFERENCE_TARGETS: here.reference });
      await eventually(() => measuredSince(here, 0));
      const [down] = TARGETS as [number];
      here.host.block(down);
      const downAt = Date.now();
      const [alert] = await eventually(async () => {
        const alerts = (await here.alerts()).filter(({ rule }) => rule?.name === "Any miss");
        expect(alerts).toMatchObject([{ status: "open", job: { id: here.jobs[0]?.id } }]);
        return alerts;
      });
      const afterMs = Date.parse(alert?.openedAt ?? "") - downAt;
      console.log(`target down → alert: ${afterMs} ms (cadence 200 ms, timeout ${TIMEOUT_MS} ms)`);
      // A cadence, the timeout, what it was held back, and what everything takes on a starved machine.
      expect(afterMs).toBeLessThan(200 + TIMEOUT_MS + HELD_MS + 4_000);
      const since = await here.samples(downAt + 300);
      expect(since.flat().filter(({ status }) => status === SYSTEM_ERROR)).toEqual([]);
      here.host.unblock(down);
      await eventually(async () => {
        const alerts = await here.alerts();
        expect(alerts.filter(({ status }) => status !== "resolved")).toEqual([]);
        expect(alerts.filter(({ kind }) => kind === "self")).toEqual([]);
      });
    }, 30_000);

    it("hands its jobs over to one that is online, and gets its share back", async () => {
      await using here = await world();
      await using first = await poller(here, {
        REFERENCE_TARGETS: here.reference,
        POLLER_NAME: "first",
      });
      await using second = await poller(here, {
        REFERENCE_TARGETS: here.host.address(OTHER_REFERENCE),
        POLLER_NAME: "second",
      });
      const pollers = async () => (await here.client.get<PollerPage>("/api/pollers")).body.data;
      await eventually(async () => {
        await measuredSince(here, 0);
        expect(await pollers()).toMatchObject([{ state: "active" }, { state: "active" }]);
      });
      here.host.block(OTHER_REFERENCE);
      await eventually(
        async () =>
          expect(await pollers()).toMatchObject([
            { name: "first", state: "active", jobCount: TARGETS.length },
            { name: "second", state: "joining", jobCount: 0 },
          ]),
        { withinMs: 10_000 },
      );
      expect(await metricOf(first, "nightbell_poller_offline")).toBe(0);
      expect(await metricOf(second, "nightbell_poller_offline")).toBe(1);
      const handedAt = Date.now();
      await eventually(() => measuredSince(here, handedAt));
      here.host.unblock(OTHER_REFERENCE);
      await eventually(
        async () => expect(await pollers()).toMatchObject([{ state: "active" }, { state: "active" }]),
        { withinMs: 10_000 },
      );
      const backAt = Date.now();
      await eventually(() => measuredSince(here, backAt));
      expect((await here.samples()).flat().filter(({ status }) => status === MISSED)).toEqual([]);
    }, 60_000);

    it("that has never reached its reference counts every miss, and says so", async () => {
      await using here = await world();
      here.host.block(REFERENCE);
      await using _ = await poller(here, { REFERENCE_TARGETS: here.reference });
      await eventually(() => measuredSince(here, 0));
      here.host.goDark();
      await eventually(async () => {
        for (const samples of await here.samples())
          expect(samples.filter(({ status }) => status === MISSED).length).toBeGreaterThan(3);
      });
      here.host.comeBack();
      here.host.unblock(REFERENCE);
      expect(await here.poller()).toMatchObject({
        references: { targets: [{ isReachable: false, hasAnswered: false }], offlineSince: null },
      });
    }, 30_000);
  },
);

async function createClosedJob(client: ApiClient, more: object = {}): Promise<Job> {
  const job = { title: "closed", type: "tcp", target: "127.0.0.1:2", cadenceSeconds: 0.1, ...more };
  return (await client.post<Job>("/api/jobs", job)).body;
}

describe("misses that are held back", () => {
  // On loopback, which always answers: where ICMP is not permitted, by a port that refuses.
  const references = { REFERENCE_TARGETS: "tcp://127.0.0.1:1" };
  it("are stored before their job is completed", async () => {
    await using here = await apiWorld();
    const client = await here.owner();
    await using _ = await poller(here, references);
    const job = await createClosedJob(client, { durationSeconds: 2 });
    await eventually(
      async () => {
        const { body } = await client.get<Job>(`/api/jobs/${job.id}`);
        expect(body.status).toBe("completed");
      },
      { withinMs: 10_000 },
    );
    const samples = await samplesOf(here, job, 0);
    expect(samples.map(({ status }) => status)).toEqual(Array(20).fill(MISSED));
    // Known at once, as the port refuses; told a while later.
    for (const { recorded_at, slot } of samples) expect(recorded_at.getTime() - slot).toBeLessThan(500);
  });

  it("are stored before the poller ends, without a gap", async () => {
    await using here = await apiWorld();
    const client = await here.owner();
    const started = await poller(here, references);
    const job = await createClosedJob(client);
    await eventually(async () => expect((await samplesOf(here, job, 0)).length).toBeGreaterThan(5));
    await eventually(async () =>
      expect(await metricOf(started, "nightbell_poller_held_misses")).toBeGreaterThan(3),
    );
    const heldAt = Date.now();
    await started[Symbol.asyncDispose]();
    const slots = (await samplesOf(here, job, 0)).map(({ slot }) => slot);
    expect(slots.at(-1)).toBeGreaterThan(heldAt - 200);
    expect(new Set(slots.slice(1).map((slot, index) => slot - Number(slots[index])))).toEqual(new Set([100]));
  });
});
