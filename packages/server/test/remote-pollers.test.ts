// Remote pollers as people run them (M19): processes of their own, behind TLS, with nothing but a token.
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import type {
  AlertDetail,
  AlertPage,
  AlertRule,
  Job,
  PollerPage,
  PollerTokenPage,
} from "@nightbell/contract";
import { sql } from "kysely";
import { afterAll, describe, expect, test } from "vitest";
import { type DatabaseHandle, openDatabase } from "../src/platform/db.js";
import {
  type ApiClient,
  apiClient,
  createDatabase,
  eventually,
  runNightbell,
  type RunningNightbell,
  startNightbell,
} from "./harness.js";
import { makeJob, makeToken } from "./remote-world.js";
import { closeServers, serveTcp } from "./servers.js";
import { startTlsFront, type TlsFront } from "./tls-front.js";

/** Within this a silent poller's jobs are others'. */
const TAKEOVER_MS = 5_000;
const START_MS = 30_000;

afterAll(closeServers);

interface World extends AsyncDisposable {
  readonly front: TlsFront;
  readonly api: RunningNightbell;
  readonly client: ApiClient;
  readonly database: DatabaseHandle;
  readonly databaseUrl: string;
  readonly token: { readonly id: string; readonly token: string };
  startApi(): Promise<RunningNightbell>;
  /** With the token of the world, unless another one is given. */
  startPoller(environment?: Record<string, string>): Promise<RunningNightbell>;
}

/** The API behind TLS, and a token for the location `cellar`. */
async function remoteWorld(): Promise<World> {
  const database = await createDatabase();
  const startApi = () =>
    startNightbell({
      command: "serve --roles api,scheduler",
      databaseUrl: database.url,
      env: { OPEN_REGISTRATION: "true" },
    });
  const api = await startApi();
  const front = await startTlsFront(api.url);
  const handle = openDatabase(database.url, { poolSize: 2, applicationName: "test" });
  const client = apiClient(api.url);
  await client.register();
  const token = await makeToken(client, "cellar");
  return {
    front,
    api,
    client,
    database: handle,
    databaseUrl: database.url,
    token,
    startApi,
    startPoller: (environment = {}) =>
      startNightbell({
        command: `poller --url ${front.url} --ca ${front.caFile}`,
        env: { NIGHTBELL_POLLER_TOKEN: token.token, BATCH_FLUSH_INTERVAL_MS: "100", ...environment },
      }),
    async [Symbol.asyncDispose]() {
      await front[Symbol.asyncDispose]();
      await api[Symbol.asyncDispose]();
      await handle.close();
      await database.drop();
    },
  };
}

async function slotsOf({ database }: World, job: Job): Promise<number[]> {
  const { rows } = await sql<{ slot: number }>`
    select slot from samples join jobs using (job_no) where jobs.id = ${job.id} order by slot`.execute(
    database.db,
  );
  return rows.map(({ slot }) => slot);
}

/** Steps between slots that are not the cadence. */
function gapsOf(slots: readonly number[], cadenceMs: number): number[] {
  return slots.slice(1).flatMap((slot, index) => {
    const step = slot - Number(slots[index]);
    return step === cadenceMs ? [] : [step];
  });
}

/** Slots that a machine which stood still gave up, as the poller counts them. */
async function skippedBy(poller: RunningNightbell): Promise<number> {
  const metrics = await (await fetch(new URL("/metrics", poller.url))).text();
  return Number(/^nightbell_poller_skipped_slots_total (\d+)$/m.exec(metrics)?.[1] ?? Number.NaN);
}

const pollersOf = async ({ client }: World) => (await client.get<PollerPage>("/api/pollers")).body.data;

async function untilMeasured(world: World, job: Job, since: number, withinMs = START_MS): Promise<void> {
  await eventually(async () => expect((await slotsOf(world, job)).at(-1) ?? 0).toBeGreaterThan(since), {
    withinMs,
  });
}

describe("a remote poller", { timeout: 120_000 }, () => {
  test("is given its jobs, changes within a second, and hands over what it measures", async () => {
    await using world = await remoteWorld();
    await using local = await startNightbell({
      command: "serve --roles poller",
      databaseUrl: world.databaseUrl,
    });
    await using poller = await world.startPoller({ POLLER_NAME: "under-the-stairs" });
    const port = await serveTcp(() => undefined);
    const here = { monitoringMode: "real_polling", target: `127.0.0.1:${port}` };
    const job = await makeJob(world.client, { ...here, locations: ["cellar"], cadenceSeconds: 0.2 });
    await untilMeasured(world, job, 0);
    await eventually(async () =>
      expect(await pollersOf(world)).toEqual(
        expect.arrayContaining([
          expect.objectContaining({
            name: "under-the-stairs",
            kind: "remote",
            location: "cellar",
            state: "active",
            jobCount: 1,
            clockOffsetMs: expect.any(Number) as number,
          }),
        ]),
      ),
    );

    // A pending job is started by its poller. Eight, so that none was just in time for a look at the clock.
    for (let index = 0; index < 8; index += 1) {
      const { id } = await makeJob(world.client, { ...here, title: `job ${index}`, locations: ["cellar"] });
      await eventually(
        async () => expect((await world.client.get<Job>(`/api/jobs/${id}`)).body.status).toBe("running"),
        { withinMs: 1_000 },
      );
    }
    await world.client.post(`/api/jobs/${job.id}/pause`);
    await world.client.post(`/api/jobs/${job.id}/resume`);
    const { rows } = await sql<{ slot: number }>`
      select from_slot as slot from job_grids join jobs using (job_no)
      where jobs.id = ${job.id} order by from_slot desc limit 1`.execute(world.database.db);
    const [resumed] = rows;
    await untilMeasured(world, job, Number(resumed?.slot) + 1_000);
    expect(await slotsOf(world, job)).toContain(resumed?.slot);

    const everywhere = await makeJob(world.client, { ...here, locations: ["cellar", "default"] });
    await eventually(
      async () => {
        const { rows } = await sql<{ name: string }>`
          select distinct locations.name from samples join locations using (location_no) join jobs using (job_no)
          where jobs.id = ${everywhere.id} order by 1`.execute(world.database.db);
        expect(rows.map(({ name }) => name)).toEqual(["cellar", "default"]);
      },
      { withinMs: 10_000 },
    );
    expect(await poller.stop()).toBe(0);
    expect((await pollersOf(world)).filter(({ kind }) => kind === "remote")).toEqual([]);
    expect(await local.stop()).toBe(0);
  });

  test("keeps what it measures while the server is away, and hands it over in order, with nothing missing", async () => {
    await using world = await remoteWorld();
    await using poller = await world.startPoller();
    const job = await makeJob(world.client, { locations: ["cellar"], cadenceSeconds: 1 });
    await untilMeasured(world, job, 0);
    await world.front.cut();
    await eventually(() =>
      expect(poller.output()).toContain("they are kept on disk until the server is back"),
    );
    const before = await slotsOf(world, job);
    await eventually(() => expect(Date.now()).toBeGreaterThan(Number(before.at(-1)) + 6_000), {
      withinMs: 10_000,
    });
    expect((await slotsOf(world, job)).length).toBe(before.length);

    // The instance is killed meanwhile, and another one takes its place.
    await world.api.kill9();
    await using other = await world.startApi();
    world.front.upstreams = [other.url];
    await world.front.mend();
    const backAt = Date.now();
    await untilMeasured(world, job, backAt + 2_000);
    const slots = await slotsOf(world, job);
    const missing = gapsOf(slots, 1_000).reduce((sum, gap) => sum + gap / 1_000 - 1, 0);
    expect(missing).toBeLessThanOrEqual(await skippedBy(poller));
    expect(slots.length).toBeGreaterThan(before.length + 6);
  });

  test("ends when its token is revoked, within seconds", async () => {
    await using world = await remoteWorld();
    await using poller = await world.startPoller();
    const job = await makeJob(world.client, { locations: ["cellar"], cadenceSeconds: 0.2 });
    await untilMeasured(world, job, 0);
    const listed = await world.client.get<PollerTokenPage>("/api/poller-tokens");
    expect(listed.body.data).toMatchObject([{ location: "cellar", pollerCount: 1 }]);
    const revokedAt = performance.now();
    expect((await world.client.delete(`/api/poller-tokens/${world.token.id}`)).status).toBe(204);
    expect(await poller.exited).toBe(1);
    expect(performance.now() - revokedAt).toBeLessThan(8_000);
    expect(poller.output()).toMatch(/nightbell: https:\S+ refuses the token, which is wrong or was revoked/);
    expect(await pollersOf(world)).toEqual([]);
  });

  test("is replaced by another one of its location within 5 s when it is killed", async () => {
    await using world = await remoteWorld();
    await using first = await world.startPoller({ POLLER_NAME: "first" });
    await using second = await world.startPoller({ POLLER_NAME: "second" });
    const jobs = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        makeJob(world.client, { title: `job ${index}`, locations: ["cellar"], cadenceSeconds: 0.5 }),
      ),
    );
    await eventually(
      async () => {
        const shares = await pollersOf(world);
        expect(shares.map(({ state }) => state)).toEqual(["active", "active"]);
        for (const { jobCount } of shares) expect(jobCount).toBeGreaterThan(0);
        expect(shares.reduce((sum, { jobCount }) => sum + jobCount, 0)).toBe(jobs.length);
      },
      { withinMs: START_MS },
    );
    for (const job of jobs) await untilMeasured(world, job, Date.now() - 1_000);
    // The process that measures is a child of the one started here: told that that is gone, it would take its leave.
    process.kill(Number(/"pollerPid":(\d+)/.exec(first.output())?.[1]), "SIGKILL");
    await first.kill9();
    const killedAt = Date.now();
    for (const job of jobs) await untilMeasured(world, job, killedAt + TAKEOVER_MS + 1_000, 20_000);
    for (const job of jobs) {
      for (const gap of gapsOf(await slotsOf(world, job), 500))
        expect(gap).toBeLessThanOrEqual(TAKEOVER_MS + 500);
    }
    expect(await pollersOf(world)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: "second", state: "active", jobCount: jobs.length }),
      ]),
    );
    expect(second.output()).toContain("a poller is silent");
    // That it died is told to those whose poller it was, and to nobody else.
    const stranger = apiClient(world.api.url);
    await stranger.register();
    await eventually(
      async () => {
        const own = (await world.client.get<AlertPage>("/api/alerts")).body.data;
        expect(own).toEqual([expect.objectContaining({ title: expect.stringContaining("first") as string })]);
      },
      { withinMs: 10_000 },
    );
    expect((await stranger.get<AlertPage>("/api/alerts")).body.data).toEqual([]);
  });

  test("has its samples judged by alert rules, whichever instance each upload goes to", async () => {
    await using world = await remoteWorld();
    await using other = await world.startApi();
    world.front.upstreams = [world.api.url, other.url];
    await using poller = await world.startPoller();
    const rule = await world.client.post<AlertRule>("/api/alert-rules", {
      name: "gone",
      condition: { kind: "missed", missed: 4, of: 4, recovery: { successes: 3 } },
    });
    expect(rule.status).toBe(201);
    const target = createServer((socket) => socket.on("error", () => undefined));
    await once(target.listen(0, "127.0.0.1"), "listening");
    const { port } = target.address() as AddressInfo;
    await once(target.close(), "close");
    const job = await makeJob(world.client, {
      monitoringMode: "real_polling",
      target: `127.0.0.1:${port}`,
      locations: ["cellar"],
      cadenceSeconds: 0.5,
    });
    const alerts = async () =>
      (await world.client.get<AlertPage>("/api/alerts")).body.data.filter(
        ({ rule: of }) => of?.name === "gone",
      );
    await eventually(
      async () => expect(await alerts()).toMatchObject([{ status: "open", job: { id: job.id } }]),
      { withinMs: START_MS },
    );
    await once(target.listen(port, "127.0.0.1"), "listening");
    await eventually(async () => expect(await alerts()).toMatchObject([{ status: "resolved" }]), {
      withinMs: 15_000,
    });
    target.close();
    expect(poller.output()).not.toContain("cannot be written");
  });

  test("takes the evidence of an alert about its job", async () => {
    await using world = await remoteWorld();
    await using poller = await world.startPoller();
    const job = await makeJob(world.client, {
      monitoringMode: "real_polling",
      target: "127.0.0.1:1",
      locations: ["cellar"],
      cadenceSeconds: 0.5,
    });
    const alert = await eventually(
      async () => {
        const [opened] = (await world.client.get<AlertPage>("/api/alerts")).body.data;
        expect(opened).toMatchObject({ status: "open", job: { id: job.id } });
        return opened;
      },
      { withinMs: START_MS },
    );
    await eventually(
      async () => {
        const { body } = await world.client.get<AlertDetail>(`/api/alerts/${alert?.id}`);
        expect(body.evidence).toMatchObject([
          {
            location: "cellar",
            state: "taken",
            text: expect.stringMatching(/^10 of 10 probes failed/) as string,
          },
        ]);
        expect(body.evidence[0]?.findings?.burst).toHaveLength(10);
        expect(body.timeline.map(({ text }) => text)).toContainEqual(
          expect.stringMatching(/^Evidence from cellar: 10 of 10 probes failed/),
        );
      },
      { withinMs: 20_000 },
    );
    expect(poller.output()).not.toContain("evidence could not be stored");
  });
});

const run = (url: string, environment: Record<string, string> = {}) =>
  runNightbell(["poller", "--url", url], { NIGHTBELL_POLLER_TOKEN: "nbp_x", ...environment });

describe("nightbell poller", () => {
  test("does not send its token over a line that others can read", async () => {
    for (const url of ["http://192.0.2.1:3000", "http://nightbell.example", "ftp://127.0.0.1", "nonsense"]) {
      const { code, stderr } = await run(url);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^nightbell: --url: .+\n$/);
    }
    expect((await run("http://nightbell.example")).stderr).toContain(
      "so that nobody on the way can read the token; http:// is for loopback addresses only",
    );
  });

  test("asks for a token, and says when the server refuses it", async () => {
    expect((await run("http://127.0.0.1:1", { NIGHTBELL_POLLER_TOKEN: "" })).stderr).toMatch(
      /^nightbell: a token is needed: set NIGHTBELL_POLLER_TOKEN/,
    );
    await using database = await createDatabase();
    await using api = await startNightbell({ command: "serve --roles api", databaseUrl: database.url });
    const refused = await run(api.url);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("refuses the token");
  });

  test("trusts no certificate that nobody vouches for", async () => {
    await using world = await remoteWorld();
    await using poller = await startNightbell({
      command: `poller --url ${world.front.url}`,
      env: { NIGHTBELL_POLLER_TOKEN: world.token.token },
    });
    await eventually(() => expect(poller.output()).toMatch(/cannot be reached \(\w*(VERIFY|CERT)\w*\)/), {
      withinMs: START_MS,
    });
    const { body } = await world.client.get<PollerTokenPage>("/api/poller-tokens");
    expect(body.data).toMatchObject([{ lastUsedAt: null }]);
  });
});
