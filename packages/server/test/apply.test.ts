// POST /api/jobs/apply: jobs as files describe them (M20).
import type { Job, JobAction, JobApplyResult, JobPage, Problem } from "@nightbell/contract";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type ApiWorld, apiWorld } from "./api-world.js";
import type { ApiClient } from "./harness.js";

const router = { key: "router", title: "Router", type: "icmp", target: "127.0.0.1", cadenceSeconds: 10 };
const shop = {
  key: "shop/home",
  title: "Shop",
  type: "http",
  target: "https://shop.invalid/",
  cadenceSeconds: 30,
};

let world: ApiWorld;
let client: ApiClient;

beforeAll(async () => {
  world = await apiWorld();
});
afterAll(() => world[Symbol.asyncDispose]());
beforeEach(async () => {
  client = await world.owner();
});

const apply = async (jobs: object[], more: object = {}) => {
  const answer = await client.post<JobApplyResult>("/api/jobs/apply", { jobs, ...more });
  expect(answer.status).toBe(200);
  return answer.body;
};
const outline = ({ actions }: JobApplyResult) => actions.map(({ action, key }) => `${action} ${key}`);
const allJobs = async () => (await client.get<JobPage>("/api/jobs?sort=title")).body.data;

describe("applying a set", () => {
  it("creates what is not there, and a second time changes nothing", async () => {
    const first = await apply([router, shop]);
    expect(outline(first)).toEqual(["create router", "create shop/home"]);
    const created = await allJobs();
    expect(created.map(({ key, managedBy }) => [key, managedBy])).toEqual([
      ["router", "default"],
      ["shop/home", "default"],
    ]);
    expect(first.actions.map(({ jobId }) => jobId)).toEqual(created.map(({ id }) => id));
    expect(outline(await apply([router, shop]))).toEqual(["unchanged router", "unchanged shop/home"]);
    expect(await allJobs()).toEqual(created);
  });

  it("edits what differs, field by field, and leaves the rest and its history alone", async () => {
    await apply([router, shop]);
    const before = await allJobs();
    const changed = {
      ...router,
      cadenceSeconds: 5,
      options: { timeoutMs: 500 },
      thresholds: { lossPercent: 2 },
    };
    const { actions } = await apply([changed, shop]);
    expect(actions[0]).toMatchObject<Partial<JobAction>>({
      action: "update",
      jobId: before[0]?.id ?? "",
      changes: [
        { path: "options.timeoutMs", from: 5_000, to: 500 },
        { path: "cadenceSeconds", from: 10, to: 5 },
        { path: "thresholds.lossPercent", from: null, to: 2 },
      ],
    });
    const [edited, same] = await allJobs();
    expect(edited).toMatchObject({ id: before[0]?.id, cadenceSeconds: 5, version: 2 });
    expect(same).toEqual(before[1]);
  });

  it("only says what it would do in a dry run, and does nothing else than was planned", async () => {
    const planned = await apply([router], { dryRun: true });
    expect(planned).toMatchObject({ isApplied: false, actions: [{ action: "create", jobId: null }] });
    expect(await allJobs()).toEqual([]);
    await apply([{ ...router, title: "Somebody else's" }]);
    const late = await client.post<Problem>("/api/jobs/apply", {
      jobs: [router],
      expectedPlan: planned.plan,
    });
    expect(late).toMatchObject({ status: 412, body: { code: "version_conflict" } });
    const again = await apply([router], { dryRun: true });
    expect((await apply([router], { expectedPlan: again.plan })).isApplied).toBe(true);
  });

  it("is all or nothing, and names each entry that is wrong", async () => {
    const answer = await client.post<Problem>("/api/jobs/apply", {
      jobs: [
        router,
        { ...shop, target: "nowhere" },
        { ...shop, key: undefined },
        { ...shop, key: "no spaces" },
      ],
    });
    expect(answer.status).toBe(400);
    expect(answer.body.errors?.map(({ path }) => path)).toEqual([
      "jobs.1.target",
      "jobs.2.key",
      "jobs.3.key",
    ]);
    const twice = await client.post<Problem>("/api/jobs/apply", { jobs: [router, router] });
    expect(twice.body.errors).toEqual([{ path: "jobs.1.key", message: "is also the key of jobs.0" }]);
    expect(await allJobs()).toEqual([]);
  });

  it("refuses to change a type, or what would rewrite the history of a job that is over", async () => {
    const [id] = (await apply([router])).actions.map(({ jobId }) => jobId);
    const other = await client.post<Problem>("/api/jobs/apply", {
      jobs: [{ ...router, type: "latency_api" }],
    });
    expect(other.body.errors?.[0]).toMatchObject({ path: "jobs.0.type" });
    await client.post(`/api/jobs/${id}/cancel`);
    const over = await client.post<Problem>("/api/jobs/apply", { jobs: [{ ...router, cadenceSeconds: 60 }] });
    expect(over).toMatchObject({ status: 400, body: { detail: expect.stringContaining("is cancelled") } });
    expect(outline(await apply([{ ...router, title: "Old router" }]))).toEqual(["update router"]);
  });

  it("makes nothing twice when two do it at the same moment", async () => {
    const both = await Promise.all([apply([router, shop]), apply([router, shop])]);
    expect(new Set(both.map((result) => outline(result).join()))).toEqual(
      new Set(["create router,create shop/home", "unchanged router,unchanged shop/home"]),
    );
    expect(await allJobs()).toHaveLength(2);
  });
});

describe("pruning", () => {
  it("deletes what the set made and no longer describes, only when asked", async () => {
    await apply([router, shop]);
    expect(outline(await apply([router]))).toEqual(["unchanged router", "orphan shop/home"]);
    expect(await allJobs()).toHaveLength(2);
    expect(outline(await apply([router], { prune: true }))).toEqual(["unchanged router", "delete shop/home"]);
    expect((await allJobs()).map(({ key }) => key)).toEqual(["router"]);
  });

  it("never touches jobs of other sets, of people, or of other organisations", async () => {
    const byHand = (await client.post<Job>("/api/jobs", { ...shop, key: null })).body;
    const withKey = (await client.post<Job>("/api/jobs", { ...shop, key: "by-hand" })).body;
    await apply([{ ...router, key: "other/router" }], { set: "other" });
    await apply([router]);
    const stranger = await world.owner();
    await stranger.post("/api/jobs/apply", { jobs: [router] });
    expect(outline(await apply([], { prune: true }))).toEqual(["delete router"]);
    expect(new Set((await allJobs()).map(({ key }) => key))).toEqual(
      new Set(["by-hand", "other/router", null]),
    );
    expect((await stranger.get<JobPage>("/api/jobs")).body.data).toHaveLength(1);

    // A job of a person that files describe is edited by them, and still never deleted.
    expect(outline(await apply([{ ...shop, key: "by-hand", title: "From a file" }]))).toEqual([
      "update by-hand",
    ]);
    expect(outline(await apply([], { prune: true }))).toEqual([]);
    expect((await client.get<Job>(`/api/jobs/${withKey.id}`)).body).toMatchObject({
      title: "From a file",
      managedBy: null,
    });
    expect((await client.get<Job>(`/api/jobs/${byHand.id}`)).status).toBe(200);
  });

  it("refuses a key of another set", async () => {
    await apply([router], { set: "other" });
    const answer = await client.post<Problem>("/api/jobs/apply", { jobs: [router] });
    expect(answer.body.errors).toEqual([{ path: "jobs.0.key", message: "belongs to the set other" }]);
  });
});

describe("the key of a job", () => {
  it("is unique in its organisation", async () => {
    await client.post("/api/jobs", shop);
    const second = await client.post<Problem>("/api/jobs", shop);
    expect(second).toMatchObject({
      status: 409,
      body: { code: "key_taken", detail: expect.stringContaining("shop/home") },
    });
    const third = (await client.post<Job>("/api/jobs", { ...shop, key: null })).body;
    expect(await client.patch<Problem>(`/api/jobs/${third.id}`, { key: "shop/home" })).toMatchObject({
      status: 409,
    });
    expect(await (await world.owner()).post<Job>("/api/jobs", shop)).toMatchObject({ status: 201 });
  });

  it("given or taken by a person puts the job out of the hands of its files", async () => {
    const [id] = (await apply([router])).actions.map(({ jobId }) => jobId);
    const renamed = await client.patch<Job>(`/api/jobs/${id}`, { key: "mine" });
    expect(renamed.body).toMatchObject({ key: "mine", managedBy: null });
    expect(outline(await apply([], { prune: true }))).toEqual([]);
  });
});
