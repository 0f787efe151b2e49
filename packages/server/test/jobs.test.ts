import type { Job, JobPage, Problem, Profile } from "@nightbell/contract";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { completeOverdueJobs, removeExpiredKeys, startPendingJobs } from "../src/features/jobs/index.js";
import { type ApiWorld, apiWorld } from "./api-world.js";
import { HandClock } from "./hand-clock.js";
import type { ApiClient } from "./harness.js";

const minimal = { title: "Gateway", type: "icmp", target: "127.0.0.1", cadenceSeconds: 1 };
const DAY_MS = 86_400_000;

const clock = new HandClock();
let world: ApiWorld;
let client: ApiClient;

beforeAll(async () => {
  world = await apiWorld({ clock });
  client = await world.owner();
});
afterAll(() => world[Symbol.asyncDispose]());
beforeEach(() => clock.advance(10_000));

describe("a new job", () => {
  it("is pending, complete with every default, and says where it is", async () => {
    const { status, headers, body } = await client.post<Job>("/api/jobs", minimal);
    const profile = (await client.get<Profile>("/api/profile")).body;
    expect(status).toBe(201);
    expect(body).toMatchObject({
      ...minimal,
      status: "pending",
      version: 1,
      options: { timeoutMs: 5_000, family: "auto", payloadBytes: 56, ttl: 64 },
      durationSeconds: null,
      monitoringMode: "real_polling",
      locations: ["default"],
      thresholds: { warningRttMs: null, criticalRttMs: null, lossPercent: null },
      requester: { id: profile.id, name: profile.name },
      startedAt: null,
      endsAt: null,
      completedAt: null,
    });
    expect(headers.get("etag")).toBe('"1"');
    const read = await client.get<Job>(headers.get("location") ?? "");
    expect(read.body).toEqual(body);
    expect(read.headers.get("etag")).toBe('"1"');
  });

  it.each([
    ["nothing", {}, ["title", "type", "target", "cadenceSeconds"]],
    ["an unknown field", { ...minimal, cadence: 5 }, ["cadence"]],
    ["an unknown option", { ...minimal, options: { retries: 3 } }, ["options.retries"]],
    ["an option of the wrong type", { ...minimal, options: { ttl: "64" } }, ["options.ttl"]],
    ["an option of another type of job", { ...minimal, options: { method: "GET" } }, ["options.method"]],
    ["no title", { ...minimal, title: "   " }, ["title"]],
    ["a title of 201 characters", { ...minimal, title: "x".repeat(201) }, ["title"]],
    ["an unknown type", { ...minimal, type: "snmp" }, ["type"]],
    ["a cadence of nothing", { ...minimal, cadenceSeconds: 0 }, ["cadenceSeconds"]],
    ["a negative cadence", { ...minimal, cadenceSeconds: -1 }, ["cadenceSeconds"]],
    ["a cadence below 0.1 s", { ...minimal, cadenceSeconds: 0.099 }, ["cadenceSeconds"]],
    ["a cadence above a day", { ...minimal, cadenceSeconds: 86_401 }, ["cadenceSeconds"]],
    ["a cadence finer than a millisecond", { ...minimal, cadenceSeconds: 0.1005 }, ["cadenceSeconds"]],
    ["a cadence in words", { ...minimal, cadenceSeconds: "1" }, ["cadenceSeconds"]],
    ["half a second of duration", { ...minimal, durationSeconds: 0.5 }, ["durationSeconds"]],
    ["a shell command", { ...minimal, target: "; rm -rf /" }, ["target"]],
    ["an option of a command", { ...minimal, target: "-f" }, ["target"]],
    ["a host of 300 characters", { ...minimal, target: "a".repeat(300) }, ["target"]],
    ["a port where none belongs", { ...minimal, target: "127.0.0.1:80" }, ["target"]],
    ["a URL of another scheme", { ...minimal, type: "http", target: "file:///etc/passwd" }, ["target"]],
    ["a TCP target without port", { ...minimal, type: "tcp", target: "127.0.0.1" }, ["target"]],
    ["an unknown location", { ...minimal, locations: ["default", "mars"] }, ["locations.1"]],
    ["the same location twice", { ...minimal, locations: ["default", "default"] }, ["locations"]],
    ["a NUL in the title", { ...minimal, title: "a\0b" }, ["title"]],
    ["half a surrogate pair in an option", { ...minimal, options: { family: "\ud800" } }, ["options.family"]],
    ["an unknown mode", { ...minimal, monitoringMode: "guess" }, ["monitoringMode"]],
    ["a loss above 100 %", { ...minimal, thresholds: { lossPercent: 101 } }, ["thresholds.lossPercent"]],
    ["an array", [minimal], [""]],
  ])("is not made from %s", async (_name, body, paths) => {
    const answer = await client.post<Problem>("/api/jobs", body);
    expect(answer.status).toBe(400);
    expect(answer.body.code).toBe("validation_failed");
    expect(answer.body.errors?.map((error) => error.path)).toEqual(paths);
    expect(answer.body.errors?.every((error) => error.message.length > 5)).toBe(true);
  });

  it.each([
    ["icmp", "::1"],
    ["icmp", "::ffff:127.0.0.1"],
    ["icmp", "bücher.example"],
    ["tcp", "[::1]:5432"],
    ["http", "http://127.0.0.1:8080/health"],
    ["dns", "dns://127.0.0.1:5353/example.org"],
    ["tls", "127.0.0.1"],
    ["latency_api", "10.0.0.1"],
  ])("measures %s %s", async (type, target) => {
    const answer = await client.post<Job>("/api/jobs", { ...minimal, type, target });
    expect(answer).toMatchObject({ status: 201, body: { type, target } });
  });
});

describe("an Idempotency-Key", () => {
  it("makes a repeated creation answer with the same job", async () => {
    const first = await client.post<Job>("/api/jobs", { ...minimal, title: "once" }, withKey("a"));
    const again = await client.post<Job>("/api/jobs", { ...minimal, title: "once" }, withKey("a"));
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.body).toEqual(first.body);
    const reordered = Object.fromEntries(Object.entries({ ...minimal, title: "once" }).toReversed());
    expect((await client.post<Job>("/api/jobs", reordered, withKey("a"))).body.id).toBe(first.body.id);
    const other = await client.post<Problem>("/api/jobs", { ...minimal, title: "twice" }, withKey("a"));
    expect(other).toMatchObject({ status: 422, body: { code: "idempotency_mismatch" } });
  });

  it("makes ten at once create one job", async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        client.post<Job>("/api/jobs", { ...minimal, title: "race" }, withKey("race")),
      ),
    );
    expect(new Set(answers.map((answer) => `${answer.status} ${answer.body.id}`)).size).toBe(1);
    expect((await client.get<JobPage>("/api/jobs?search=race")).body.pagination.totalItems).toBe(1);
  });

  it("belongs to its organisation, lasts a day, and may be used again after that", async () => {
    const body = { ...minimal, title: "daily" };
    const first = await client.post<Job>("/api/jobs", body, withKey("daily"));
    const stranger = await world.owner();
    expect((await stranger.post<Job>("/api/jobs", body, withKey("daily"))).body.id).not.toBe(first.body.id);
    clock.advance(DAY_MS);
    expect((await client.post<Job>("/api/jobs", body, withKey("daily"))).body.id).not.toBe(first.body.id);
    clock.advance(DAY_MS);
    await removeExpiredKeys(world.db, clock.now());
    expect(await world.db.selectFrom("idempotency_keys").select("key").execute()).toEqual([]);
  });

  it("changes nothing about what can be repeated anyway: the second time finds it done", async () => {
    const job = await create();
    await start(job);
    const path = `/api/jobs/${job.id}`;
    const seen = { ...withKey("again"), "if-match": '"1"' };
    expect(await twice(() => client.patch(path, { title: "New" }, seen))).toEqual([200, 412]);
    for (const action of ["pause", "resume", "pause", "cancel"]) {
      expect(await twice(() => client.post(`${path}/${action}`, undefined, withKey("again")))).toEqual([
        200, 409,
      ]);
    }
    expect((await client.get<Job>(path)).body).toMatchObject({
      title: "New",
      version: 2,
      status: "cancelled",
    });
    expect(await twice(() => client.delete(path, withKey("again")))).toEqual([204, 404]);
  });

  it("does not bring a deleted job back, nor stand for a creation that failed", async () => {
    const first = await client.post<Job>("/api/jobs", minimal, withKey("gone"));
    await client.delete(`/api/jobs/${first.body.id}`);
    expect((await client.post("/api/jobs", minimal, withKey("gone"))).status).toBe(404);
    expect((await client.post("/api/jobs", { ...minimal, locations: ["mars"] }, withKey("bad"))).status).toBe(
      400,
    );
    expect((await client.post("/api/jobs", minimal, withKey("bad"))).status).toBe(201);
    const spaced = await client.post<Problem>("/api/jobs", minimal, withKey("with space"));
    expect(spaced.body.errors).toMatchObject([{ path: "idempotency-key" }]);
  });
});

describe("an edit", () => {
  it("changes what it names, raises the version, and replaces options as a whole", async () => {
    const job = await create({ options: { ttl: 9, timeoutMs: 100 } });
    const { body, headers } = await client.patch<Job>(`/api/jobs/${job.id}`, {
      title: "Renamed",
      options: { timeoutMs: 200 },
      cadenceSeconds: 0.25,
    });
    expect(body).toMatchObject({ title: "Renamed", version: 2, cadenceSeconds: 0.25, target: job.target });
    expect(body.options).toMatchObject({ timeoutMs: 200, ttl: 64 });
    expect(headers.get("etag")).toBe('"2"');
    expect((await client.patch<Job>(`/api/jobs/${job.id}`, {})).body.version).toBe(2);
  });

  it("is checked against the job's type", async () => {
    const job = await create();
    const answer = await client.patch<Problem>(`/api/jobs/${job.id}`, {
      target: "a:1",
      options: { verifyTls: true },
    });
    expect(answer.body.errors?.map((error) => error.path)).toEqual(["target", "options.verifyTls"]);
    const type = await client.patch<Problem>(`/api/jobs/${job.id}`, { type: "tcp" });
    expect(type.body.errors).toEqual([{ path: "type", message: "is not a known field" }]);
  });

  it("is refused when somebody else was first", async () => {
    const job = await create();
    const path = `/api/jobs/${job.id}`;
    const rename = (title: string) => client.patch<Problem>(path, { title }, { "if-match": '"1"' });
    const answers = await Promise.all([rename("one"), rename("two"), rename("three")]);
    expect(statusesOf(answers)).toEqual([200, 412, 412]);
    expect(answers.find((answer) => answer.status === 412)?.body.code).toBe("version_conflict");
    for (const tag of ['"2"', 'W/"2"', '"1", "2"', "*"]) {
      const again = await client.patch<Job>(path, { title: "again" }, { "if-match": tag });
      expect(again.status).toBe(200);
      await world.db.updateTable("jobs").set({ version: 2 }).where("id", "=", job.id).execute();
    }
    expect((await client.patch(path, { title: "x" }, { "if-match": "2" })).status).toBe(412);
  });

  it("without If-Match merges with what others change at the same time", async () => {
    const job = await create();
    await Promise.all([
      client.patch(`/api/jobs/${job.id}`, { title: "new title" }),
      client.patch(`/api/jobs/${job.id}`, { cadenceSeconds: 5 }),
    ]);
    const { body } = await client.get<Job>(`/api/jobs/${job.id}`);
    expect(body).toMatchObject({ title: "new title", cadenceSeconds: 5, version: 3 });
  });

  it("of the locations begins a stretch of its own, so that the past is expected what it was", async () => {
    await world.db
      .insertInto("locations")
      .values(["paris", "oslo"].map((name) => ({ organisation_id: null, name })))
      .execute();
    const job = await create();
    await start(job);
    const edit = async (locations: string[]) => {
      clock.advance(60_000);
      expect((await client.patch(`/api/jobs/${job.id}`, { locations })).status).toBe(200);
    };
    await edit(["default", "paris"]);
    await edit(["oslo", "paris"]);
    await edit(["oslo"]);
    const grids = await world.db
      .selectFrom("job_grids")
      .select(["from_slot", "to_slot", "location_count"])
      .where("job_no", "=", await jobNoOf(job))
      .orderBy("from_slot")
      .execute();
    expect(grids.map((grid) => grid.location_count)).toEqual([1, 2, 1]);
    // Less than a cadence between two: no slot is left out.
    const gaps = grids.slice(1).map((grid, index) => grid.from_slot - Number(grids[index]?.to_slot));
    expect(gaps.filter((gap) => gap < 0 || gap >= 1_000)).toEqual([]);
    expect(grids.at(-1)?.to_slot).toBeNull();
  });

  it("of the cadence and a pause right after it leave no stretch that reaches beyond the pause", async () => {
    const job = await create();
    await start(job);
    clock.advance(10_000);
    await client.patch(`/api/jobs/${job.id}`, { cadenceSeconds: 0.1 });
    clock.advance(300);
    await client.post(`/api/jobs/${job.id}/pause`);
    const grids = await world.db
      .selectFrom("job_grids")
      .select("to_slot")
      .where("job_no", "=", await jobNoOf(job))
      .execute();
    expect(grids).toEqual([{ to_slot: clock.now() }]);
  });

  it("cannot end a job in the past, nor change what a job that is over has measured", async () => {
    const job = await create({ durationSeconds: 3_600 });
    await start(job);
    clock.advance(60_000);
    const answer = await client.patch<Problem>(`/api/jobs/${job.id}`, { durationSeconds: 30 });
    expect(answer.body.errors?.map((error) => error.path)).toEqual(["durationSeconds"]);
    await client.post(`/api/jobs/${job.id}/cancel`);
    expect((await client.patch(`/api/jobs/${job.id}`, { target: "127.0.0.2" })).status).toBe(409);
    expect((await client.patch(`/api/jobs/${job.id}`, { title: "Kept" })).status).toBe(200);
  });
});

describe("many jobs", () => {
  it("are imported all or not at all, each fault by its index", async () => {
    const title = "imported";
    const refused = await client.post<Problem>("/api/jobs/import", {
      jobs: [{ ...minimal, title }, { ...minimal, cadenceSeconds: 0 }, 7, { ...minimal, options: { x: 1 } }],
    });
    expect(refused.status).toBe(400);
    expect(refused.body.errors?.map((error) => error.path)).toEqual([
      "jobs.1.cadenceSeconds",
      "jobs.2",
      "jobs.3.options.x",
    ]);
    const unknown = await client.post<Problem>("/api/jobs/import", {
      jobs: [
        { ...minimal, title },
        { ...minimal, title, locations: ["mars"] },
      ],
    });
    expect(unknown.body.errors?.map((error) => error.path)).toEqual(["jobs.1.locations.0"]);
    expect((await client.get<JobPage>(`/api/jobs?search=${title}`)).body.pagination.totalItems).toBe(0);

    const jobs = Array.from({ length: 1_000 }, (_, index) => ({ ...minimal, title: `${title} ${index}` }));
    const headers = { "idempotency-key": "import" };
    const created = await client.post<{ created: Job[] }>("/api/jobs/import", { jobs }, headers);
    expect(created.status).toBe(201);
    expect(created.body.created.map((job) => job.title)).toEqual(jobs.map((job) => job.title));
    const again = await client.post<{ created: Job[] }>("/api/jobs/import", { jobs }, headers);
    expect(again.body.created.map((job) => job.id)).toEqual(created.body.created.map((job) => job.id));
    expect((await client.post("/api/jobs/import", { jobs: [] })).status).toBe(400);
    expect((await client.post("/api/jobs/import", { jobs: [...jobs, minimal] })).status).toBe(400);
  });

  it("are changed in bulk, each by itself", async () => {
    const made = await client.post<{ created: Job[] }>("/api/jobs/import", {
      jobs: [minimal, minimal, minimal],
    });
    const [a, b, c] = made.body.created as [Job, Job, Job];
    await start(a, b);
    const missing = "0190a0a0-0000-7000-8000-000000000001";
    const bulk = (action: string, ids: string[]) => client.post("/api/jobs/bulk", { action, ids });
    expect((await bulk("pause", [a.id, b.id, c.id, missing, a.id])).body).toEqual({
      succeeded: [a.id, b.id],
      failed: [
        {
          id: c.id,
          code: "invalid_transition",
          message: "This job is pending; only a running job can be paused.",
        },
        { id: missing, code: "not_found", message: "There is no such job in your organisation." },
      ],
    });
    expect((await bulk("delete", [a.id, b.id, c.id])).body).toEqual({
      succeeded: [a.id, b.id, c.id],
      failed: [],
    });
    expect((await client.get(`/api/jobs/${a.id}`)).status).toBe(404);
  });
});

describe("the life of a job", () => {
  it("goes from pending through running and paused to completed", async () => {
    const { body: job } = await client.post<Job>("/api/jobs", { ...minimal, durationSeconds: 60 });
    const act = (action: string) => client.post(`/api/jobs/${job.id}/${action}`);
    expect((await act("pause")).status).toBe(409);
    await start(job);
    const running = (await client.get<Job>(`/api/jobs/${job.id}`)).body;
    expect(running).toMatchObject({ status: "running", version: 1 });
    expect(Date.parse(running.endsAt ?? "") - Date.parse(running.startedAt ?? "")).toBe(60_000);
    expect((await act("pause")).body).toMatchObject({ status: "paused", endsAt: running.endsAt });
    expect((await act("pause")).body).toMatchObject({ code: "invalid_transition" });
    clock.advance(5_000);
    expect((await act("resume")).body).toMatchObject({ status: "running" });
    clock.advance(5_000);
    await act("pause");
    clock.advance(60_000 + 5_000);
    expect(await completeOverdueJobs(world.db, clock.now())).toBe(1);
    expect((await client.get<Job>(`/api/jobs/${job.id}`)).body).toMatchObject({
      status: "completed",
      completedAt: new Date(clock.now()).toISOString(),
    });
    expect((await act("cancel")).status).toBe(409);
    expect((await client.delete(`/api/jobs/${job.id}`)).status).toBe(204);
    expect((await client.delete(`/api/jobs/${job.id}`)).status).toBe(404);
  });

  it("begins once, however many pollers start it", async () => {
    const { body: job } = await client.post<Job>("/api/jobs", minimal);
    const jobNo = await jobNoOf(job);
    const starts = await Promise.all(
      Array.from({ length: 8 }, () => startPendingJobs(world.db, [jobNo], clock.now())),
    );
    expect(starts.flat()).toHaveLength(1);
    const grids = await world.db.selectFrom("job_grids").selectAll().where("job_no", "=", jobNo).execute();
    expect(grids).toHaveLength(1);
    expect(starts.flat()[0]?.grid.fromSlot).toBeGreaterThanOrEqual(clock.now());
  });
});

describe("simulation (M18)", () => {
  it("is for test accounts alone in production", async () => {
    await using production = await apiWorld({ config: { NODE_ENV: "production" } });
    const owner = await production.owner();
    const simulated = { ...minimal, monitoringMode: "simulated" };
    expect(await owner.post("/api/jobs", simulated)).toMatchObject({
      status: 403,
      body: { code: "simulation_forbidden" },
    });
    expect((await owner.post("/api/jobs/import", { jobs: [minimal, simulated] })).status).toBe(403);
    const { body: job } = await owner.post<Job>("/api/jobs", minimal);
    const patch = () => owner.patch(`/api/jobs/${job.id}`, { monitoringMode: "simulated" });
    expect((await patch()).status).toBe(403);
    const profile = (await owner.get<Profile>("/api/profile")).body;
    await owner.patch(`/api/members/${profile.id}`, { isTestAccount: true });
    expect((await owner.post("/api/jobs", simulated)).status).toBe(201);
    expect((await patch()).status).toBe(200);
  });
});

/** The statuses of a request and its repetition. */
async function twice(send: () => Promise<{ status: number }>): Promise<number[]> {
  return [(await send()).status, (await send()).status];
}

function withKey(key: string): Record<string, string> {
  return { "idempotency-key": key };
}

async function create(more: object = {}): Promise<Job> {
  return (await client.post<Job>("/api/jobs", { ...minimal, ...more })).body;
}

async function start(...jobs: Job[]): Promise<void> {
  const jobNos = await Promise.all(jobs.map(jobNoOf));
  const started = await startPendingJobs(world.db, jobNos, clock.now());
  expect(started).toHaveLength(jobs.length);
}

async function jobNoOf(job: Job): Promise<number> {
  const row = await world.db
    .selectFrom("jobs")
    .select("job_no")
    .where("id", "=", job.id)
    .executeTakeFirstOrThrow();
  return row.job_no;
}

/** In ascending order, for answers that came in any. */
function statusesOf(answers: readonly { status: number }[]): number[] {
  return answers.map((answer) => answer.status).sort((a, b) => a - b);
}
