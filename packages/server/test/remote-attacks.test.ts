// Remote pollers as an attacker would be one: whatever is sent, nobody sees or changes what is not their own (M19).
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { gzipSync } from "node:zlib";
import type {
  AlertDetail,
  AlertPage,
  FeedLine,
  Job,
  PollerPage,
  PollerTokenPage,
  Problem,
  UploadedStrays,
} from "@nightbell/contract";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { settleOfflineAlerts } from "../src/features/alerts/index.js";
import { type ApiClient, eventually } from "./harness.js";
import {
  ALL_BUCKETS,
  makeJob,
  makeToken,
  type RemoteWorld,
  remoteWorld,
  sendPacked,
  upload,
} from "./remote-world.js";
import { openSse, type SseStream } from "./sse-client.js";

interface Known {
  id: string;
  jobNo: number;
  /** The first slot of its grid. */
  slot: number;
}

let world: RemoteWorld;
let owner: ApiClient;
let stranger: ApiClient;
/** Of the owner, at two places, and of the stranger, at a place of the same name. */
let tokens: { cellar: string; attic: string; foreign: string };
/** Jobs of the owner at its places and at the shared one, and of the stranger. */
let jobs: { cellar: Known; attic: Known; shared: Known; foreign: Known };

const at = (location: string) => ({ locations: [location], cadenceSeconds: 1 });

/** The job runs, and has for an hour. */
async function started({ id }: Job): Promise<Known> {
  const from = Math.floor(Date.now() / 1_000) * 1_000 - 3_600_000;
  const { rows } = await sql<{ job_no: number }>`
    update jobs set status = 'running', started_at = now() where id = ${id} returning job_no`.execute(
    world.database.db,
  );
  const jobNo = rows[0]?.job_no ?? 0;
  await sql`
    insert into job_grids (job_no, from_slot, cadence_ms, first_sequence, location_count)
    values (${jobNo}, ${from}, 1000, 700, 1)`.execute(world.database.db);
  return { id, jobNo, slot: from };
}

async function stored(): Promise<{ jobNo: number; slot: number; sequence: number; location: string }[]> {
  const { rows } = await sql<{ jobNo: number; slot: number; sequence: number; location: string }>`
    select job_no as "jobNo", slot, sequence_number as sequence, locations.name as location
    from samples join locations using (location_no) order by slot`.execute(world.database.db);
  return rows;
}

const seen = async (client: ApiClient) => (await client.get<PollerPage>("/api/pollers")).body.data;

const sample = (jobNo: number, slot: number) => [slot, jobNo, 0, 1_000, null, 10, slot + 1, null, null, null];

/** Of an alert of the job's organisation, at the location of the token. */
async function requestEvidence(job: Known, token: string): Promise<string> {
  const { body: place } = await world.as(token).get<{ locationNo: number }>("/api/poller/place");
  const { rows } = await sql<{ id: string }>`
    with alert as (
      insert into alerts (id, organisation_id, kind, status, severity, title, started_at, opened_at)
      select gen_random_uuid(), organisation_id, 'missed', 'open', 'critical', 'Test', now(), now()
      from jobs where job_no = ${job.jobNo} returning id)
    insert into alert_evidence (id, alert_id, job_no, location_no, urgency)
    select id, id, ${job.jobNo}, ${place.locationNo}, 2 from alert returning id`.execute(world.database.db);
  return rows[0]?.id ?? "";
}

interface BeatMore {
  isNews?: boolean;
  offlineSince?: number | null;
  offlinePeriods?: { from: number; to: number }[];
}

const idOf = (number: number) => `0190a0a0-0000-7000-9000-${String(number).padStart(12, "0")}`;
const beatOf = (name: string, { isNews = false, ...references }: BeatMore = {}) => ({
  name,
  state: "active",
  buckets: ALL_BUCKETS,
  stats: {
    jobCount: 0,
    samplesPerSecond: 0,
    latenessP99Ms: null,
    memoryBytes: 1,
    clockOffsetMs: null,
    version: "1",
    references: { targets: [], offlineSince: null, offlinePeriods: [], ...references },
  },
  isNews,
});
/** The scheduler's task that alerts about pollers that are offline. */
const settle = (at = Date.now()) => settleOfflineAlerts(world.database.db, at);

const feedOf = (token: string) => openSse<FeedLine>(new URL("/api/poller/feed", world.url).href, { token });
const newsOf = (feed: SseStream<FeedLine>) =>
  feed.events.filter(({ data }) => data.news === "pollers").length;

/** Of an organisation of its own. */
async function newcomer() {
  const client = await world.owner();
  const { token } = await makeToken(client, "hut");
  const poller = world.as(token);
  return {
    token,
    beat: async (number: number, more: BeatMore = {}) =>
      poller.put<Problem>(`/api/poller/lease/${idOf(number)}`, beatOf(`poller-${number}`, more)),
    leave: (number: number) => poller.delete(`/api/poller/lease/${idOf(number)}`),
    alerts: async () => (await client.get<AlertPage>("/api/alerts?limit=100")).body.data,
  };
}

/** The head of an upload whose body does not come. */
function beginUpload(token: string) {
  const headers = {
    authorization: `Bearer ${token}`,
    "content-type": "application/gzip",
    "content-length": 1_000,
  };
  const sent = request(new URL("/api/poller/samples", world.url), { method: "POST", headers });
  const status = once(sent, "response").then(
    ([answer]) => (answer as IncomingMessage).statusCode ?? null,
    () => null,
  );
  sent.flushHeaders();
  return { sent, status };
}

beforeAll(async () => {
  world = await remoteWorld();
  [owner, stranger] = [await world.owner(), await world.owner()];
  tokens = {
    cellar: (await makeToken(owner, "cellar")).token,
    attic: (await makeToken(owner, "attic")).token,
    foreign: (await makeToken(stranger, "cellar")).token,
  };
  jobs = {
    cellar: await started(await makeJob(owner, at("cellar"))),
    attic: await started(await makeJob(owner, at("attic"))),
    shared: await started(await makeJob(owner, at("default"))),
    foreign: await started(await makeJob(stranger, at("cellar"))),
  };
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

describe("a token", () => {
  it("is asked for by every route of pollers, and a session is none", async () => {
    const session = owner.token;
    for (const token of [null, "nonsense", `nbp_${"a".repeat(43)}`, session]) {
      const client = world.as(token);
      for (const path of ["place", "feed", "others?except=0190a0a0-0000-7000-8000-000000000001"]) {
        expect((await client.get(`/api/poller/${path}`)).status).toBe(401);
      }
      for (const path of [
        "jobs/changes",
        "jobs/read",
        "jobs/start",
        "jobs/complete",
        "evidence",
        "samples",
      ]) {
        expect((await client.post(`/api/poller/${path}`, {})).status).toBe(401);
      }
    }
  });

  it("opens nothing but the routes of pollers", async () => {
    const client = world.as(tokens.cellar);
    for (const path of ["jobs", "pollers", "poller-tokens", "alerts", "profile"]) {
      expect((await client.get(`/api/${path}`)).status).toBe(401);
    }
  });

  it("is shown once, is kept as a hash, and says when it was used", async () => {
    const list = await owner.get<PollerTokenPage>("/api/poller-tokens");
    expect(list.body.data.map(({ location }) => location)).toEqual(["cellar", "attic"]);
    expect(JSON.stringify(list.body)).not.toContain("nbp_");
    expect((await world.as(tokens.attic).get("/api/poller/place")).body).toMatchObject({ location: "attic" });
    const used = await owner.get<PollerTokenPage>("/api/poller-tokens");
    expect(Date.parse(used.body.data[1]?.lastUsedAt ?? "")).toBeGreaterThan(Date.now() - 60_000);
    const { rows } = await sql<{ row: string }>`select poller_tokens::text as row from poller_tokens`.execute(
      world.database.db,
    );
    expect(JSON.stringify(rows)).not.toContain(tokens.cellar.slice(4));
  });

  it("cannot be made for a shared location, nor revoked by another organisation", async () => {
    const refused = await owner.post("/api/poller-tokens", { name: "x", location: "default" });
    expect(refused).toMatchObject({ status: 400, body: { errors: [{ path: "location" }] } });
    const [token] = (await owner.get<PollerTokenPage>("/api/poller-tokens")).body.data;
    expect((await stranger.delete(`/api/poller-tokens/${token?.id}`)).status).toBe(404);
  });
});

describe("a remote poller", () => {
  it("sees the jobs of its own location and organisation only, whatever it asks for", async () => {
    const all = Object.values(jobs).map(({ jobNo }) => jobNo);
    for (const [token, own] of [
      [tokens.cellar, jobs.cellar],
      [tokens.attic, jobs.attic],
      [tokens.foreign, jobs.foreign],
    ] as const) {
      const client = world.as(token);
      const ask = async (what: string, more: object) =>
        (
          await client.post<Record<string, unknown>>(`/api/poller/jobs/${what}`, {
            buckets: ALL_BUCKETS,
            ...more,
          })
        ).body;
      const only = [expect.objectContaining({ jobNo: own.jobNo })];
      expect(await ask("read", { jobNos: all, since: 0 })).toMatchObject({ jobs: only });
      const groups = Array.from({ length: 256 }, (_, group) => group);
      expect(await ask("running", { groups })).toMatchObject({ jobs: only });
      expect(await ask("changes", { since: "1:1:" })).toMatchObject({ changes: only });
      expect((await ask("digests", {}))["digests"]).toHaveLength(1);
    }
  });

  it("is not told which other jobs change, only that it has to compare", async () => {
    const client = world.as(tokens.cellar);
    const changes = (since: string | null) =>
      client.post<{ snapshot: string; changes: unknown[]; isIncomplete: boolean }>(
        "/api/poller/jobs/changes",
        {
          buckets: ALL_BUCKETS,
          since,
        },
      );
    const { snapshot } = (await changes(null)).body;
    await stranger.patch(`/api/jobs/${jobs.foreign.id}`, { title: "secret" });
    const foreignJob = await makeJob(stranger, at("cellar"));
    await stranger.delete(`/api/jobs/${foreignJob.id}`);
    expect((await changes(snapshot)).body).toMatchObject({ changes: [], isIncomplete: false });
    await owner.patch(`/api/jobs/${jobs.attic.id}`, { title: "upstairs" });
    expect((await changes(snapshot)).body).toMatchObject({ changes: [], isIncomplete: true });
  });

  it("names a snapshot as Postgres does, or is refused", async () => {
    const client = world.as(tokens.cellar);
    const status = async (since: unknown) =>
      (await client.post("/api/poller/jobs/changes", { buckets: ALL_BUCKETS, since })).status;
    for (const since of ["1:1:", "5:9:5,7", "5:9:6"]) expect(await status(since)).toBe(200);
    const bad = [
      "",
      "1",
      "1:1",
      "0:1:",
      "9:5:",
      "5:9:4",
      "5:9:9",
      "5:9:7,6",
      "5:9:6,",
      "5:9:6'",
      "1:1:\n",
      7,
    ];
    for (const since of bad) expect(await status(since)).toBe(400);
    const numbers = Array.from({ length: 100_000 }, (_, index) => index + 1);
    expect(await status(`1:200000:${numbers.join()}`)).toBe(400);
  });

  it("starts and completes nothing of others", async () => {
    const pending = await makeJob(stranger, { ...at("cellar"), durationSeconds: 5 });
    const { rows } = await sql<{ job_no: number }>`select job_no from jobs where id = ${pending.id}`.execute(
      world.database.db,
    );
    const jobNo = rows[0]?.job_no ?? 0;
    const client = world.as(tokens.cellar);
    expect(
      (await client.post("/api/poller/jobs/start", { buckets: ALL_BUCKETS, jobNos: [jobNo] })).status,
    ).toBe(204);
    expect((await stranger.get<Job>(`/api/jobs/${pending.id}`)).body.status).toBe("pending");
    const theirs = world.as(tokens.foreign);
    await theirs.post("/api/poller/jobs/start", { buckets: ALL_BUCKETS, jobNos: [jobNo] });
    expect((await stranger.get<Job>(`/api/jobs/${pending.id}`)).body.status).toBe("running");
    await sql`update jobs set ends_at = now() where job_no = ${jobNo}`.execute(world.database.db);
    await client.post("/api/poller/jobs/complete", { jobNos: [jobNo] });
    expect((await stranger.get<Job>(`/api/jobs/${pending.id}`)).body.status).toBe("running");
  });

  it("sees no poller of another organisation, takes over no lease, and ends none", async () => {
    const id = "0190a0a0-0000-7000-8000-00000000000a";
    const beat = {
      name: "mole",
      state: "active",
      buckets: ALL_BUCKETS,
      stats: {
        jobCount: 0,
        samplesPerSecond: 0,
        latenessP99Ms: null,
        memoryBytes: 1,
        clockOffsetMs: null,
        version: "1",
      },
      isNews: true,
    };
    const reference = { target: "icmp://192.0.2.1", isReachable: false, hasAnswered: true, error: null };
    const tomorrow = Date.now() + 86_400_000;
    const references = {
      targets: [reference],
      offlineSince: tomorrow,
      offlinePeriods: [
        { from: 1, to: tomorrow },
        { from: 2, to: 1 },
      ],
    };
    const [theirs, ours, attic] = [tokens.foreign, tokens.cellar, tokens.attic].map((token) =>
      world.as(token),
    );
    if (theirs === undefined || ours === undefined || attic === undefined) throw new Error("no clients");
    const many = { ...references, targets: Array.from({ length: 9 }, () => reference) };
    const withMany = { ...beat, stats: { ...beat.stats, references: many } };
    expect((await theirs.put(`/api/poller/lease/${id}`, withMany)).status).toBe(400);
    const offline = { ...beat, stats: { ...beat.stats, references } };
    expect((await theirs.put(`/api/poller/lease/${id}`, offline)).status).toBe(200);
    const { rows } = await sql<{ periods: unknown[] }>`
      select stats #> '{references,offlinePeriods}' as periods from pollers where id = ${id}`.execute(
      world.database.db,
    );
    expect(rows).toEqual([{ periods: [] }]);
    const [listed] = await seen(stranger);
    expect(Date.parse(listed?.references?.offlineSince ?? "")).toBeLessThanOrEqual(Date.now());
    expect((await theirs.put(`/api/poller/lease/${id}`, beat)).status).toBe(200);
    for (const other of [ours, attic]) {
      expect((await other.put(`/api/poller/lease/${id}`, beat)).status).toBe(403);
      expect((await other.delete(`/api/poller/lease/${id}`)).status).toBe(204);
      const nobody = "0190a0a0-0000-7000-8000-0000000000ff";
      expect((await other.get(`/api/poller/others?except=${nobody}`)).body).toEqual({ pollers: [] });
    }
    expect(await seen(stranger)).toMatchObject([{ name: "mole", kind: "remote", location: "cellar" }]);
    expect(await seen(owner)).toEqual([]);
  });
});

describe("pollers of one token", () => {
  it("are at most fifty, those that died included; one that is known goes on", async () => {
    const { beat } = await newcomer();
    const answers = await Promise.all(Array.from({ length: 60 }, (_, number) => beat(1_000 + number)));
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused).toHaveLength(10);
    for (const { status, body } of refused) {
      expect([status, body.code]).toEqual([409, "limit_reached"]);
      expect(body.detail).toContain("at most 50 pollers");
    }
    await sql`update pollers set state = 'dead', died_at = now() where name = 'poller-1003'`.execute(
      world.database.db,
    );
    const statuses = await Promise.all(answers.map(async (_, number) => (await beat(1_000 + number)).status));
    expect(statuses.filter((status) => status === 200)).toHaveLength(50);
  });

  it("are not started without end, each in the place of one that left", async () => {
    const { beat, leave } = await newcomer();
    const statuses: number[] = [];
    for (let number = 2_000; number < 2_110; number += 1) {
      statuses.push((await beat(number)).status);
      await leave(number);
    }
    expect(statuses.filter((status) => status === 200)).toHaveLength(100);
    expect(statuses.at(-1)).toBe(429);
  });

  it("tell of times offline that they lived through, each once, and nothing before or between them", async () => {
    const { beat, alerts } = await newcomer();
    await beat(3_000);
    const { rows } = await sql<{ startedAt: number }>`
      update pollers set started_at = now() - interval '1 hour' where id = ${idOf(3_000)}
      returning (extract(epoch from started_at) * 1000)::float8 as "startedAt"`.execute(world.database.db);
    const startedAt = Math.ceil(rows[0]?.startedAt ?? 0);
    const tell = async (...offlinePeriods: [number, number][]) => {
      const periods = offlinePeriods.map(([from, to]) => ({ from: startedAt + from, to: startedAt + to }));
      await beat(3_000, { offlinePeriods: periods });
      await settle();
      const times = (await alerts()).map((alert) => Date.parse(alert.startedAt) - startedAt);
      return times.toSorted((one, other) => one - other);
    };
    expect(await tell([-9_000, -1_000])).toEqual([]);
    expect(await tell([-5_000, 20_000], [100_000, 160_000])).toEqual([-5_000, 100_000]);
    // Told no more, it is known all the same.
    expect(await tell()).toEqual([-5_000, 100_000]);
    expect(await tell([50_000, 60_000], [120_000, 150_000], [159_000, 170_000], [200_000, 200_000])).toEqual([
      -5_000, 100_000,
    ]);
    expect(await tell([100_000, 160_000], [160_000, 9_000_000], [200_000, 210_000])).toEqual([
      -5_000, 100_000, 200_000,
    ]);
  });

  it("are alerted about six times an hour each, whether what they tell is over or not", async () => {
    const { beat, alerts } = await newcomer();
    await beat(4_000);
    await sql`update pollers set started_at = now() - interval '1 hour' where id = ${idOf(4_000)}`.execute(
      world.database.db,
    );
    const from = Date.now() - 3_000_000;
    const offlinePeriods = Array.from({ length: 10 }, (_, index) => ({
      from: from + index * 20_000,
      to: from + index * 20_000 + 10_000,
    }));
    await beat(4_000, { offlinePeriods });
    await settle();
    expect(await alerts()).toHaveLength(6);
    await settle();
    await beat(4_000, { offlinePeriods, offlineSince: Date.now() });
    await settle();
    expect(await alerts()).toHaveLength(6);
    await settle(Date.now() + 3_700_000);
    expect(await alerts()).toHaveLength(11);

    await beat(4_001);
    for (let round = 0; round < 10; round += 1) {
      await beat(4_001, { offlineSince: Date.now() });
      await settle();
      await beat(4_001, { offlineSince: null });
      await settle();
    }
    const ofSecond = (await alerts()).filter(({ title }) => title.includes("poller-4001"));
    expect(ofSecond).toHaveLength(6);
  });

  it("make only the feeds of their location look, twice a second at most, and once more for what came last", async () => {
    const { token, beat } = await newcomer();
    await using own = await feedOf(token);
    await using other = await feedOf(tokens.cellar);
    await eventually(() => expect([newsOf(own), newsOf(other)]).toEqual([1, 1]));
    const startedAt = performance.now();
    for (let round = 0; round < 40; round += 1) await beat(5_000, { isNews: true });
    const toldBefore = newsOf(own);
    expect(toldBefore).toBeGreaterThan(1);
    expect(toldBefore).toBeLessThanOrEqual(3 + (performance.now() - startedAt) / 500);
    await eventually(() => expect(newsOf(own)).toBe(toldBefore + 1), { withinMs: 2_000 });
    expect(newsOf(other)).toBe(1);
  });
});

describe("evidence", () => {
  const id = "0190a0a0-0000-7000-8000-00000000000b";
  const due = async (token: string, limit = 10) =>
    world
      .as(token)
      .post<{ requests: { id: string; fencingToken: number; job: { id: string } }[] }>(
        "/api/poller/evidence",
        { id, buckets: ALL_BUCKETS, limit },
      );
  const probe = { sentAt: new Date().toISOString(), status: "missed", rttMs: null, errorCode: "timeout" };
  const path = {
    address: "192.0.2.1",
    hops: [],
    end: { kind: "silent", hop: 0, address: null, reason: null },
  };
  const ending = {
    state: "taken",
    text: "1 of 1 probes failed",
    findings: { burst: [{ ...probe, error: "no answer" }], path, pathProblem: null },
  };

  it("is given to and taken from those whose job it is about, and nobody else", async () => {
    const requested = await requestEvidence(jobs.cellar, tokens.cellar);
    for (const token of [tokens.attic, tokens.foreign]) {
      expect((await due(token)).body).toEqual({ requests: [] });
    }
    const [taken] = (await due(tokens.cellar)).body.requests;
    expect(taken).toMatchObject({ id: requested, job: { id: jobs.cellar.id } });
    const end = (token: string, body: object) =>
      world
        .as(token)
        .put(`/api/poller/evidence/${requested}`, { fencingToken: taken?.fencingToken, ...body });
    for (const token of [tokens.attic, tokens.foreign]) {
      expect((await end(token, { ending })).body).toEqual({ isStored: false });
      await end(token, { ending: null });
    }
    expect((await end(tokens.cellar, { ending, fencingToken: 99 })).body).toEqual({ isStored: false });
    expect(await end(tokens.cellar, { ending })).toMatchObject({ status: 200, body: { isStored: true } });
    expect((await end(tokens.cellar, { ending })).body).toEqual({ isStored: false });
    expect((await owner.get<AlertDetail>(`/api/alerts/${requested}`)).body.evidence).toMatchObject([
      { location: "cellar", state: "taken", text: "1 of 1 probes failed", findings: { path } },
    ]);
  });

  it("is refused when it is none, or too large", async () => {
    const requested = await requestEvidence(jobs.cellar, tokens.cellar);
    const end = async (body: object) =>
      (
        await world
          .as(tokens.cellar)
          .put(`/api/poller/evidence/${requested}`, { fencingToken: 1, ending: { ...ending, ...body } })
      ).status;
    expect((await due(tokens.cellar, 11)).status).toBe(400);
    expect(await end({ state: "expired" })).toBe(400);
    expect(await end({ text: "x".repeat(2_001) })).toBe(400);
    const burst = Array.from({ length: 21 }, () => ({ ...probe, error: null }));
    expect(await end({ findings: { ...ending.findings, burst } })).toBe(400);
    expect(await end({ findings: { ...ending.findings, pathProblem: "x".repeat(300_000) } })).toBe(413);
  });
});

describe("an upload", () => {
  it("stores what is the poller's own, once, by the server's idea of location and sequence", async () => {
    const { jobNo, slot } = jobs.cellar;
    const samples = [sample(jobNo, slot), sample(jobNo, slot + 5_000)];
    expect(await upload(world.url, tokens.cellar, { samples })).toEqual({
      status: 200,
      body: { storedCount: 2, refused: [] },
    });
    expect(await upload(world.url, tokens.cellar, { samples })).toEqual({
      status: 200,
      body: { storedCount: 0, refused: [] },
    });
    expect(await stored()).toEqual([
      { jobNo, slot, sequence: 700, location: "cellar" },
      { jobNo, slot: slot + 5_000, sequence: 705, location: "cellar" },
    ]);
  });

  it("stores nothing else, and says of each sample why", async () => {
    const before = await stored();
    const { jobNo, slot } = jobs.cellar;
    const hour = 3_600_000;
    const bad: [unknown, string][] = [
      [sample(jobs.foreign.jobNo, jobs.foreign.slot), "not_yours"],
      [sample(jobs.attic.jobNo, jobs.attic.slot), "not_yours"],
      [sample(jobs.shared.jobNo, jobs.shared.slot), "not_yours"],
      [sample(999_999, slot), "not_yours"],
      [sample(jobNo, slot + 1), "off_grid"],
      [sample(jobNo, slot - hour), "off_grid"],
      [sample(jobNo, slot - 40 * 24 * hour), "too_old"],
      [sample(jobNo, slot + 2 * hour), "in_the_future"],
      [sample(jobNo, slot + 10_000 * 24 * hour), "in_the_future"],
      [sample(jobNo, -slot), "malformed"],
      [sample(-1, slot), "malformed"],
      [[slot, jobNo, 7, null, null, 0, slot, null, null, null], "malformed"],
      [[slot, jobNo, 1, null, null, 0, slot, "no_such_code", null, null], "malformed"],
      [[slot, jobNo, 1, null, null, 0, slot, null, null, null], "malformed"],
      [[slot, jobNo, 0, 1e12, null, 0, slot, null, null, null], "malformed"],
      [[slot, jobNo], "malformed"],
      [null, "malformed"],
      [{ length: 10 }, "malformed"],
    ];
    const { status, body } = await upload(world.url, tokens.cellar, { samples: bad.map(([row]) => row) });
    expect(status).toBe(200);
    const refused = ["not_yours", "off_grid", "too_old", "in_the_future", "malformed"].map((reason) => ({
      reason,
      indexes: bad.flatMap(([, each], index) => (each === reason ? [index] : [])),
    }));
    expect(body).toEqual({ storedCount: 0, refused });
    expect(await stored()).toEqual(before);
  });

  it("counts stray replies of the poller's own jobs only", async () => {
    const hourSlot = Math.floor(Date.now() / 3_600_000) * 3_600_000;
    await upload(world.url, tokens.cellar, {
      strays: [
        [hourSlot, jobs.cellar.jobNo, 1, 2],
        [hourSlot, jobs.foreign.jobNo, 5, 5],
        [hourSlot + 1, jobs.cellar.jobNo, 5, 5],
        [hourSlot + 7_200_000, jobs.cellar.jobNo, 5, 5],
      ],
    });
    const rows = await world.database.db.selectFrom("stray_replies").selectAll().execute();
    expect(rows).toMatchObject([{ job_no: jobs.cellar.jobNo, duplicate_count: 1, late_count: 2 }]);
  });

  it("adds up stray replies that it names twice, to no more than the database holds", async () => {
    const hourSlot = Math.floor(Date.now() / 3_600_000) * 3_600_000 - 3_600_000;
    const { jobNo } = jobs.cellar;
    const counted = async (...counts: [duplicates: number, late: number][]) => {
      const strays = counts.map(([duplicates, late]): UploadedStrays => [hourSlot, jobNo, duplicates, late]);
      expect((await upload(world.url, tokens.cellar, { strays })).status).toBe(200);
      const { rows } = await sql<{ duplicates: number; late: number }>`
        select duplicate_count as duplicates, late_count as late from stray_replies
        where hour_slot = ${hourSlot} and job_no = ${jobNo}`.execute(world.database.db);
      return rows;
    };
    expect(await counted([1, 2], [10, 20])).toEqual([{ duplicates: 11, late: 22 }]);
    const most = 2_147_483_647;
    expect(await counted([most, 1])).toEqual([{ duplicates: most, late: 23 }]);
    expect(await counted([1, most], [1, most])).toEqual([{ duplicates: most, late: most }]);
  });

  it("is refused before it is read when its token has as many under way as it may, and nobody else's is", async () => {
    const { token } = await makeToken(owner, "cellar");
    const begun = Array.from({ length: 9 }, () => beginUpload(token));
    expect(await Promise.race(begun.map(({ status }) => status))).toBe(429);
    expect((await upload(world.url, tokens.cellar, {})).status).toBe(200);
    for (const { sent } of begun) sent.destroy();
    await eventually(async () => expect((await upload(world.url, token, {})).status).toBe(200));
  });

  it("is one of ten a second at most, and the answer says when to come again", async () => {
    const { token } = await makeToken(owner, "cellar");
    const startedAt = performance.now();
    const statuses: number[] = [];
    while (statuses.length < 60) statuses.push((await upload(world.url, token, {})).status);
    const taken = statuses.filter((status) => status === 200).length;
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
    expect(taken).toBeGreaterThanOrEqual(20);
    expect(taken).toBeLessThanOrEqual(21 + (performance.now() - startedAt) / 100);
    const response = await fetch(new URL("/api/poller/samples", world.url), {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
    });
    expect([response.status, response.headers.get("retry-after")]).toEqual([429, "1"]);
  });

  it("of nonsense is answered in few bytes, and what is good in it is stored", async () => {
    const { jobNo, slot } = jobs.cellar;
    const nonsense = ["a", "a", "a", "a", "a", "a", "a", "a", 1, 1];
    const samples: unknown[] = Array.from({ length: 2_500 }, () => nonsense);
    samples[1_700] = sample(jobNo, slot + 9_000);
    const { status, body } = await upload(world.url, tokens.cellar, { samples });
    expect(status).toBe(200);
    expect(body.storedCount).toBe(1);
    expect(body.refused.map(({ indexes }) => indexes.length)).toEqual([2_499]);
    expect(JSON.stringify(body).length).toBeLessThan(15_000);
    expect((await stored()).some((row) => row.slot === slot + 9_000)).toBe(true);
  });

  it("is refused when it is too large, packed or unpacked, and when it is no upload", async () => {
    const status = async (body: Buffer) => (await sendPacked(world.url, tokens.cellar, body)).status;
    expect(await status(Buffer.alloc(1_100_000, 7))).toBe(413);
    expect(await status(gzipSync(Buffer.alloc(50_000_000, " ")))).toBe(413);
    expect(await status(Buffer.from("plain"))).toBe(400);
    expect(await status(gzipSync("{"))).toBe(400);
    expect(await status(gzipSync("[".repeat(100_000)))).toBe(400);
    const many = Array.from({ length: 2_501 }, () => null);
    expect((await upload(world.url, tokens.cellar, { samples: many })).status).toBe(400);
    // The others of this API still take no packed bodies.
    const other = await fetch(new URL("/api/jobs", world.url), {
      method: "POST",
      headers: { authorization: `Bearer ${owner.token}`, "content-type": "application/gzip" },
      body: new Uint8Array(gzipSync("{}")),
    });
    expect(other.status).toBe(415);
  });
});

describe("heartbeats", () => {
  it("cannot be measured from a location of remote pollers, and the answer says why", async () => {
    const heartbeat = { title: "backup", type: "heartbeat", target: "backup", cadenceSeconds: 60 };
    const refused = await owner.post("/api/jobs", { ...heartbeat, locations: ["cellar"] });
    expect(refused).toMatchObject({
      status: 400,
      body: {
        errors: [{ path: "locations.0", message: expect.stringContaining("see no heartbeats") as string }],
      },
    });
    const { body } = await owner.post<Job>("/api/jobs", heartbeat);
    expect((await owner.patch(`/api/jobs/${body.id}`, { locations: ["cellar"] })).status).toBe(400);
  });
});
