import type { Job, JobPage, Problem } from "@nightbell/contract";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ApiWorld, apiWorld } from "./api-world.js";
import { type ApiClient, eventually } from "./harness.js";

const types = ["icmp", "tcp", "http"] as const;
const targets = { icmp: "10.0.0.1", tcp: "10.0.0.2:443", http: "https://shop.example/health" };

let world: ApiWorld;
let client: ApiClient;
let jobs: Job[];

beforeAll(async () => {
  world = await apiWorld();
  client = await world.owner();
  jobs = await importJobs(
    client,
    Array.from({ length: 57 }, (_, index) => {
      const type = types[index % 3] ?? "icmp";
      // Titles repeat, so that an order by title must break ties.
      return { title: `${index % 2 === 0 ? "alpha" : "Beta"} ${index % 5}`, type, target: targets[type] };
    }),
  );
  const paused = jobs.filter((_, index) => index % 4 === 0).map((job) => job.id);
  await world.db.updateTable("jobs").set({ status: "paused" }).where("id", "in", paused).execute();
});
afterAll(() => world[Symbol.asyncDispose]());

describe("the job list", () => {
  it("is newest first, twenty a page, with totals", async () => {
    const { data, pagination } = await list("");
    expect(data.map((job) => job.id)).toEqual(
      jobs
        .map((job) => job.id)
        .toReversed()
        .slice(0, 20),
    );
    expect(pagination).toMatchObject({
      page: 1,
      limit: 20,
      totalItems: 57,
      totalIsEstimate: false,
      totalPages: 3,
      hasNextPage: true,
      hasPreviousPage: false,
    });
    expect((await list("?page=3")).pagination).toMatchObject({
      page: 3,
      hasNextPage: false,
      hasPreviousPage: true,
      nextCursor: null,
    });
    expect((await list("?page=1000")).data).toEqual([]);
  });

  it.each(["createdAt", "title", "status", "cadenceSeconds"])(
    "sorts by %s both ways, and pages and cursors agree",
    async (sort) => {
      const byCursor = await walk(`sort=${sort}&limit=7`);
      const byPage: Job[] = [];
      for (let page = 1; page <= 9; page += 1)
        byPage.push(...(await list(`?sort=${sort}&limit=7&page=${page}`)).data);
      expect(byCursor).toHaveLength(57);
      expect(ids(byPage)).toEqual(ids(byCursor));
      expect(ids(await walk(`sort=-${sort}&limit=7`))).toEqual(ids(byCursor).toReversed());
      expect(ids(await walk(`sort=${sort}&limit=7&search=a`))).toEqual(ids(byCursor));
      const values = byCursor.map((job) => sortValue(job, sort));
      expect(values).toEqual([...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
    },
  );

  it("filters by status, type and text, alone and together", async () => {
    const expected = (keep: (job: Job, index: number) => boolean) =>
      ids(jobs.filter((job, index) => keep(job, index)).toReversed());
    expect(ids(await walk("status=paused"))).toEqual(expected((_, index) => index % 4 === 0));
    expect(ids(await walk("type=tcp"))).toEqual(expected((_, index) => index % 3 === 1));
    expect(ids(await walk("search=BETA"))).toEqual(expected((_, index) => index % 2 === 1));
    expect(ids(await walk("search=shop.example"))).toEqual(expected((_, index) => index % 3 === 2));
    expect(ids(await walk("search=alpha&type=http&status=paused"))).toEqual(
      expected((_, index) => index % 2 === 0 && index % 3 === 2 && index % 4 === 0),
    );
    expect(await list("?search=nothing%20like%20it")).toMatchObject({
      data: [],
      pagination: { totalItems: 0 },
    });
  });

  it("takes what is searched for by the letter", async () => {
    const odd = await importJobs(client, [
      { title: "100% sure", type: "icmp", target: "10.9.9.9" },
      { title: "snake_case \\ slash", type: "icmp", target: "10.9.9.9" },
      { title: "ÄÖÜ Straße", type: "icmp", target: "10.9.9.9" },
    ]);
    expect(await titlesWith("0%")).toEqual(["100% sure"]);
    expect(await titlesWith("%")).toEqual(["100% sure"]);
    expect(await titlesWith("e_c")).toEqual(["snake_case \\ slash"]);
    expect(await titlesWith("\\ s")).toEqual(["snake_case \\ slash"]);
    expect(await titlesWith("straße")).toEqual(["ÄÖÜ Straße"]);
    expect(await titlesWith("10.9.9.9")).toHaveLength(3);
    await client.patch(`/api/jobs/${odd[0]?.id}`, { title: "renamed" });
    expect(await titlesWith("0% s")).toEqual([]);
    expect(await titlesWith("renamed")).toEqual(["renamed"]);
    await client.post("/api/jobs/bulk", { action: "delete", ids: ids(odd) });
  });

  it("shows each job once by cursor, whatever is inserted meanwhile", async () => {
    const seen: string[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const page: JobPage = await list(`?limit=10${cursor === "" ? "" : `&cursor=${cursor}`}`);
      seen.push(...ids(page.data));
      cursor = page.pagination.nextCursor;
      await importJobs(client, [{ title: "latecomer", type: "icmp", target: "10.8.8.8" }]);
    }
    expect(seen).toEqual(ids(jobs).toReversed());
    const late = (await list("?search=latecomer")).data;
    await client.post("/api/jobs/bulk", { action: "delete", ids: ids(late) });
  });

  it.each([
    ["page=0", "page"],
    ["page=x", "page"],
    ["limit=0", "limit"],
    ["limit=101", "limit"],
    ["limit=1.5", "limit"],
    ["sort=name", "sort"],
    ["status=late", "status"],
    ["order=asc", "order"],
    ["search=", "search"],
    [`search=${"x".repeat(201)}`, "search"],
    ["search=a%00b", "search"],
    ["cursor=nonsense", "cursor"],
    [`cursor=${Buffer.from('["x"]').toString("base64url")}`, "cursor"],
    ["page=2&cursor=abc", "cursor"],
    ["status=paused&status=running", "status"],
  ])("refuses %s", async (query, path) => {
    const answer = await client.get<Problem>(`/api/jobs?${query}`);
    expect(answer.status).toBe(400);
    expect(answer.body.errors?.map((error) => error.path)).toEqual([path]);
  });

  it("refuses a cursor of another sort or filter, and one whose keys were tampered with", async () => {
    const { nextCursor } = (await list("?limit=5&sort=title")).pagination;
    expect((await client.get(`/api/jobs?limit=9&sort=title&cursor=${nextCursor}`)).status).toBe(200);
    expect((await client.get(`/api/jobs?sort=createdAt&cursor=${nextCursor}`)).status).toBe(400);
    expect((await client.get(`/api/jobs?sort=title&type=tcp&cursor=${nextCursor}`)).status).toBe(400);
    const { nextCursor: byTime } = (await list("?limit=5")).pagination;
    const [scope] = JSON.parse(Buffer.from(byTime ?? "", "base64url").toString()) as string[];
    for (const keys of [
      ["1"],
      ["x", jobs[0]?.id],
      ["99999999999999999999", jobs[0]?.id],
      ["1", "x"],
      [1, 2],
      [],
    ]) {
      const forged = Buffer.from(JSON.stringify([scope, ...keys])).toString("base64url");
      expect((await client.get(`/api/jobs?cursor=${forged}`)).status).toBe(400);
    }
  });

  it("counts large lists in the background and says so, and finds frequent and rare text alike", async () => {
    const large = await world.owner();
    const batch = Array.from({ length: 1_000 }, (_, index) => ({
      title: `frequent ${index}`,
      type: "icmp",
      target: "10.7.7.7",
    }));
    await importJobs(large, batch);
    await world.db.executeQuery(
      sql`insert into jobs (id, organisation_id, title, type, target, options, cadence_ms, monitoring_mode, simulation,
            locations, thresholds, status)
          select gen_random_uuid(), organisation_id, 'frequent ' || 1000 + n, type, target, options, cadence_ms,
            monitoring_mode, simulation, locations, thresholds, status
          from jobs, generate_series(0, 10) as n where title like 'frequent %'`.compile(world.db),
    );
    const read = async (query: string) => (await large.get<JobPage>(`/api/jobs${query}`)).body;
    const first = (await read("?limit=1")).pagination;
    expect(first.totalIsEstimate).toBe(true);
    expect(first.totalItems).toBeGreaterThan(10_000);
    await eventually(async () => {
      expect((await read("?limit=1")).pagination).toMatchObject({
        totalItems: 12_000,
        totalIsEstimate: true,
      });
    });
    const firstPage = (await read("?sort=createdAt&limit=100")).data;
    const lastPage = await read("?limit=100&page=120");
    expect(ids(lastPage.data)).toEqual(ids(firstPage).toReversed());
    expect(lastPage.pagination).toMatchObject({ hasNextPage: false, nextCursor: null });
    const nearTheEnd = await read("?limit=100&page=119");
    expect(nearTheEnd.pagination.hasNextPage).toBe(true);
    const byCursor = await read(`?limit=100&cursor=${nearTheEnd.pagination.nextCursor}`);
    expect(ids(byCursor.data)).toEqual(ids(lastPage.data));
    expect((await read("?limit=100&page=121")).data).toEqual([]);
    const frequent = await read("?search=frequent&limit=3&sort=title");
    expect(frequent.data.map((job) => job.title)).toEqual(["frequent 0", "frequent 1", "frequent 10"]);
    expect(frequent.pagination.totalItems).toBeGreaterThan(1_000);
    const rare = await read("?search=frequent%20139");
    expect(rare.pagination).toMatchObject({ totalItems: 1, totalIsEstimate: false });
  });
});

async function importJobs(owner: ApiClient, entries: object[]): Promise<Job[]> {
  const body = { jobs: entries.map((entry, index) => ({ cadenceSeconds: 1 + (index % 3), ...entry })) };
  return (await owner.post<{ created: Job[] }>("/api/jobs/import", body)).body.created;
}

async function list(query: string): Promise<JobPage> {
  const answer = await client.get<JobPage>(`/api/jobs${query}`);
  expect(answer.status).toBe(200);
  return answer.body;
}

async function titlesWith(text: string): Promise<string[]> {
  return (await list(`?search=${encodeURIComponent(text)}`)).data.map((job) => job.title);
}

/** Every job of a list, read by cursor. */
async function walk(query: string): Promise<Job[]> {
  const found: Job[] = [];
  let page = await list(`?${query}`);
  for (;;) {
    found.push(...page.data);
    if (page.pagination.nextCursor === null) return found;
    page = await list(`?${query}&cursor=${page.pagination.nextCursor}`);
  }
}

function ids(some: readonly Job[]): string[] {
  return some.map((job) => job.id);
}

function sortValue(job: Job, sort: string): string | number {
  if (sort === "title") return job.title.toLowerCase();
  if (sort === "status") return job.status;
  return sort === "createdAt" ? job.createdAt : job.cadenceSeconds;
}
