// How Postgres answers what people ask most (P9): on a populated database, no query of these reads a large table from
// end to end.
import type { JobPage } from "@nightbell/contract";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensurePartitions, hourOf } from "../src/features/samples/partitions.js";
import { readPage } from "../src/features/samples/page.js";
import { readRecent } from "../src/features/samples/recent.js";
import { findSampledJob, findSampledJobs } from "../src/features/samples/sampled-job.js";
import { readSeries } from "../src/features/samples/series.js";
import { readSummary } from "../src/features/samples/summary.js";
import { type ApiWorld, apiWorld } from "./api-world.js";
import type { ApiClient } from "./harness.js";
import { type QueryPlans, watchQueries } from "./query-plans.js";

const HOUR_MS = 3_600_000;
const CADENCE_MS = 10_000;
const ORGANISATIONS = 20;
const JOBS_EACH = 500;
/** Jobs with two hours of samples. */
const MEASURED = 100;

/** Tables that grow with use, partitions included. */
const LARGE = /^(jobs|job_texts|job_grids|samples(_\d+)?)$/;

let world: ApiWorld;
let client: ApiClient;
let organisationId: string;
let jobIds: string[];
let now: number;
let plans: QueryPlans;

beforeAll(async () => {
  world = await apiWorld();
  client = await world.owner();
  const { db, pool } = world.database;
  now = hourOf(Date.now()) + HOUR_MS / 2;
  await ensurePartitions(db, now);
  organisationId = (await db.selectFrom("organisations").select("id").executeTakeFirstOrThrow()).id;
  await populate();
  jobIds = (await db.selectFrom("jobs").select("id").where("job_no", "<=", MEASURED).execute())
    .map(({ id }) => id)
    .slice(0, 50);
  await pool.query("update jobs set organisation_id = $1 where id = any($2::uuid[])", [
    organisationId,
    jobIds,
  ]);
  await pool.query("analyze");
  plans = await watchQueries(pool, LARGE);
}, 60_000);
afterAll(() => world[Symbol.asyncDispose]());

describe("no large table is read from end to end", () => {
  it.each([
    "",
    "page=20",
    "sort=createdAt",
    "sort=title",
    "sort=-status",
    "sort=cadenceSeconds",
    "status=paused",
    "type=tcp",
    "status=running&type=icmp&sort=createdAt",
    "search=gateway%20377",
    "search=10.0.3.7&sort=title",
  ])("by the job list: %s", async (query) => {
    expect(await plans.faultsOf(async () => void (await listed(query)))).toEqual([]);
  });

  it("by the job list after a cursor", async () => {
    for (const sort of ["-createdAt", "title", "status", "-cadenceSeconds"]) {
      const { nextCursor } = (await listed(`sort=${sort}`)).pagination;
      expect(
        await plans.faultsOf(async () => void (await listed(`sort=${sort}&cursor=${nextCursor}`))),
      ).toEqual([]);
    }
  });

  it("by samples, series, summary and the last samples of many jobs", async () => {
    const { database } = world;
    const job = await findSampledJob(database, organisationId, jobIds[0] ?? "");
    const window = { from: new Date(now - HOUR_MS).toISOString(), to: new Date(now).toISOString() };
    const page = await readPage(database, job, { limit: 500 }, now);
    expect(page.data.length).toBeGreaterThan(300);
    const cursor = (await readPage(database, job, { limit: 100 }, now)).pagination.nextCursor ?? "";
    const reads: (() => Promise<unknown>)[] = [
      () => findSampledJob(database, organisationId, job.id),
      () => readPage(database, job, { limit: 500 }, now),
      () => readPage(database, job, { limit: 500, cursor }, now),
      () => readSeries(database, job, { ...window, points: 500 }, now),
      () => readSeries(database, job, { ...window, points: 50 }, now),
      () => readSummary(database, job, {}, now),
      async () => readRecent(database, await findSampledJobs(database, organisationId, jobIds), now),
    ];
    for (const read of reads) expect(await plans.faultsOf(read)).toEqual([]);
  });

  it("and one that does is found", async () => {
    const careless = sql`select from jobs where title || '' = 'gateway 7'`;
    expect(await plans.faultsOf(() => careless.execute(world.db))).toEqual([
      expect.stringMatching(/^jobs: select from jobs/),
    ]);
  });
});

async function listed(query: string): Promise<JobPage> {
  const answer = await client.get<JobPage>(`/api/jobs?${query}`);
  expect(answer.status).toBe(200);
  return answer.body;
}

/** Twenty organisations of five hundred jobs, a hundred of them with samples. */
async function populate(): Promise<void> {
  const { pool } = world.database;
  await pool.query(
    "insert into organisations (id, name) select gen_random_uuid(), 'O' from generate_series(2, $1::int)",
    [ORGANISATIONS],
  );
  await pool.query(
    `insert into jobs (id, organisation_id, title, type, target, options, cadence_ms, monitoring_mode, simulation,
       locations, thresholds, status, created_at)
     select gen_random_uuid(), organisations.id, 'gateway ' || n, (array['icmp', 'tcp', 'http'])[1 + n % 3],
       '10.0.' || n / 250 || '.' || n % 250, '{"timeoutMs": 1000}', $2 * (1 + n % 3), 'real_polling', '{}',
       '{default}', '{}', (array['running', 'running', 'running', 'paused'])[1 + n % 4], now() - n * interval '1 second'
     from generate_series(1, $1::int) as n, organisations`,
    [JOBS_EACH, CADENCE_MS],
  );
  const from = hourOf(now) - HOUR_MS;
  await pool.query(
    `insert into job_grids (job_no, from_slot, cadence_ms, first_sequence, location_count)
     select job_no, $1::bigint, $2, 0, 1 from jobs`,
    [from, CADENCE_MS],
  );
  await pool.query(
    `insert into samples (slot, job_no, location_no, status, rtt_us, lateness_us, sequence_number, recorded_at)
     select slot, job_no, 1, 0, 1000, 0, 0, now()
     from generate_series($1::bigint, $2::bigint, $3::bigint) as slot, generate_series(1, $4::int) as job_no`,
    [from, now, CADENCE_MS, MEASURED],
  );
}
