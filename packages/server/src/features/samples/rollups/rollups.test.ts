import type { Rollup as RollupAnswer, RollupResolution } from "@nightbell/contract";
import { describe, expect, test } from "vitest";
import { ageAt } from "../../../../test/ageing.js";
import { rollUpAt } from "../../../../test/rollups.js";
import { addJob, createWorld, sampleAt, store, type TestJob, type World } from "../../../../test/samples.js";
import type { Grid } from "../../jobs/index.js";
import { SETTLING_MS } from "../chunks/hours.js";
import { HOUR_MS, type SampleRecord, toMs } from "../sample.js";
import { findSampledJob } from "../sampled-job.js";
import { readSeries } from "../series.js";
import { Tally } from "../statistics.js";
import { readSummary } from "../summary.js";
import { removeRollupsOf, rollUpEndedJobs } from "./builder.js";
import { DAY_MS } from "./levels.js";
import { readRollupPage } from "./page.js";

const START = Date.UTC(2026, 10, 1);
/** All hours of the tests are over. */
const NOW = START + 3 * DAY_MS;
const iso = (time: number) => new Date(time).toISOString();

const grid = (cadenceMs: number, more: Partial<Grid> = {}): Grid => ({
  fromSlot: START + 137,
  toSlot: START + 26 * HOUR_MS,
  cadenceMs,
  firstSequence: 1_000,
  ...more,
});

/** A sample for each slot: RTTs of about 20 ms with outliers, losses, and errors of ours. */
function samplesOf(
  { jobNo }: TestJob,
  { fromSlot, toSlot, cadenceMs }: Grid,
  locationNo = 1,
): SampleRecord[] {
  const count = Math.ceil(((toSlot ?? 0) - fromSlot) / cadenceMs);
  return Array.from({ length: count }, (_, index) => {
    const noise = (index * 7_919 + locationNo * 31) % 4_000;
    const rttUs = index % 97 === 0 ? 250_000 + noise : 18_000 + noise;
    const isLost = index % 17 === 3;
    const more: Partial<SampleRecord> =
      index % 101 === 7
        ? { status: 2, rttUs: null }
        : isLost
          ? { status: 1, rttUs: null }
          : { rttUs, jitterUs: noise };
    return sampleAt(fromSlot + index * cadenceMs, jobNo, { locationNo, ...more });
  });
}

async function readAll(
  world: World,
  { id }: TestJob,
  resolution: RollupResolution,
  more: { limit?: number; from?: string; to?: string } = {},
): Promise<RollupAnswer[]> {
  const job = await findSampledJob(world.database, world.organisationId, id);
  const rollups: RollupAnswer[] = [];
  for (let cursor: string | undefined; ;) {
    const query = { resolution, limit: 100, ...more, cursor };
    const { data, pagination } = await readRollupPage(world.database, job, query, NOW);
    rollups.push(...data);
    if (pagination.nextCursor === null) return rollups;
    cursor = pagination.nextCursor;
  }
}

/** What the samples say about buckets, newest first. */
function expectTrue(
  rollups: readonly RollupAnswer[],
  samples: readonly SampleRecord[],
  bucketMs: number,
): void {
  const byBucket = new Map<number, SampleRecord[]>();
  for (const sample of samples) {
    const from = Math.floor(sample.slot / bucketMs) * bucketMs;
    byBucket.set(from, [...(byBucket.get(from) ?? []), sample]);
  }
  expect(rollups.map(({ from }) => Date.parse(from))).toEqual([...byBucket.keys()].sort((a, b) => b - a));
  for (const rollup of rollups) {
    const tally = new Tally();
    for (const { status, rttUs, jitterUs } of byBucket.get(Date.parse(rollup.from)) ?? []) {
      tally.add(status, rttUs ?? Number.NaN, jitterUs ?? Number.NaN);
    }
    const exact = tally.summary();
    expect(Date.parse(rollup.to) - Date.parse(rollup.from)).toBe(bucketMs);
    expect(rollup).toMatchObject({
      sampleCount: exact.sample_count,
      missedCount: exact.missed_count,
      systemErrorCount: exact.system_error_count,
      successCount: exact.sample_count - exact.missed_count - exact.system_error_count,
      minRttMs: toMs(exact.min_rtt_us),
      maxRttMs: toMs(exact.max_rtt_us),
      maxJitterMs: toMs(exact.max_jitter_us),
    });
    if (exact.avg_rtt_us === null) continue;
    expect(rollup.avgRttMs).toBeCloseTo((exact.avg_rtt_us ?? 0) / 1_000, 2);
    expect(rollup.stddevRttMs).toBeCloseTo((exact.stddev_rtt_us ?? 0) / 1_000, 1);
    expect(rollup.avgJitterMs ?? 0).toBeCloseTo((exact.avg_jitter_us ?? 0) / 1_000, 2);
    const [p50, p99] = exact.p50_p99_rtt_us ?? [0, 0];
    expectWithinOnePercent(rollup.p50RttMs, p50);
    expectWithinOnePercent(rollup.p95RttMs, exact.p95_rtt_us);
    expectWithinOnePercent(rollup.p99RttMs, p99);
  }
}

function expectWithinOnePercent(foundMs: number | null, exactUs: number | null): void {
  expect(Math.abs((foundMs ?? 0) * 1_000 - (exactUs ?? 0))).toBeLessThanOrEqual((exactUs ?? 0) * 0.01 + 0.5);
}

const LENGTHS = { "5m": 300_000, "1h": HOUR_MS, "1d": DAY_MS } as const;

async function expectAllLevels(world: World, job: TestJob, samples: readonly SampleRecord[]): Promise<void> {
  for (const resolution of ["5m", "1h", "1d"] as const) {
    expectTrue(await readAll(world, job, resolution), samples, LENGTHS[resolution]);
  }
}

describe("rollups of hours that are over", { timeout: 60_000 }, () => {
  test("say what the samples say, over all locations, at every level", async () => {
    await using world = await createWorld();
    await world.database.pool.query(
      "insert into locations (location_no, name) overriding system value values (2, 'far')",
    );
    const job = await addJob(world, [grid(60_000)], { locations: ["default", "far"] });
    const other = await addJob(world, [grid(300_000)]);
    const samples = [...samplesOf(job, grid(60_000)), ...samplesOf(job, grid(60_000), 2)];
    const others = samplesOf(other, grid(300_000));
    await store(world, [...samples, ...others], NOW);
    expect(await readAll(world, job, "5m")).toEqual([]);
    await rollUpAt(world, NOW);
    await expectAllLevels(world, job, samples);
    await expectAllLevels(world, other, others);
    const [hour] = await readAll(world, job, "1h", { to: iso(START + HOUR_MS) });
    expect(hour).toMatchObject({ from: iso(START), sampleCount: 120, expectedCount: 120 });
  });

  test("wait for the end of their hour, and of their day", async () => {
    await using world = await createWorld();
    const job = await addJob(world, [grid(60_000, { toSlot: null })]);
    await store(world, samplesOf(job, grid(60_000)), START + 2 * HOUR_MS);
    await rollUpAt(world, START + 2 * HOUR_MS + 30_000);
    expect(await readAll(world, job, "1h")).toHaveLength(1);
    await rollUpAt(world, START + 2 * HOUR_MS + 90_000);
    expect(await readAll(world, job, "1h")).toHaveLength(2);
    expect(await readAll(world, job, "1d")).toEqual([]);
    await rollUpAt(world, START + 24 * HOUR_MS + 90_000);
    expect(await readAll(world, job, "1d")).toMatchObject([{ sampleCount: 1_440 }]);
  });

  test("are corrected by samples that come late, raw or packed already", async () => {
    await using world = await createWorld();
    const job = await addJob(world, [grid(60_000)]);
    const samples = samplesOf(job, grid(60_000));
    const late = samples.filter((_, index) => index % 7 === 0);
    const later = samples.filter((_, index) => index % 7 === 1);
    await store(
      world,
      samples.filter((_, index) => index % 7 > 1),
      NOW,
    );
    await rollUpAt(world, NOW);
    await store(world, late, NOW);
    await rollUpAt(world, NOW);
    await expectAllLevels(
      world,
      job,
      samples.filter((_, index) => index % 7 !== 1),
    );
    await ageAt(world, NOW);
    await store(world, later, NOW);
    await ageAt(world, NOW + SETTLING_MS);
    await rollUpAt(world, NOW);
    await expectAllLevels(world, job, samples);
    expect(await readAll(world, job, "1d")).toHaveLength(2);
    // And again with their days packed.
    await ageAt(world, NOW + 2 * SETTLING_MS);
    await store(world, later, NOW);
    await ageAt(world, NOW + 3 * SETTLING_MS);
    await expectAllLevels(world, job, samples);
  });

  test("are there before their samples leave the raw table, also when nobody built them till then", async () => {
    await using world = await createWorld();
    const job = await addJob(world, [grid(60_000)]);
    const samples = samplesOf(job, grid(60_000));
    await store(world, samples, NOW);
    await ageAt(world, NOW);
    await ageAt(world, NOW + SETTLING_MS);
    expect((await world.database.pool.query("select from samples")).rowCount).toBe(0);
    await rollUpAt(world, NOW);
    await expectAllLevels(world, job, samples);
  });

  test("leave by partition when they are older than their level is kept", async () => {
    await using world = await createWorld();
    const job = await addJob(world, [grid(60_000)]);
    await store(world, samplesOf(job, grid(60_000)), NOW);
    await rollUpAt(world, NOW, { retentionDays: { "5m": 2 } });
    // 2026-11-01 is over for more than two days, 2026-11-02 is not.
    const fine = await readAll(world, job, "5m");
    expect(fine.at(-1)?.from).toBe(iso(START + DAY_MS));
    expect(await readAll(world, job, "1h")).toHaveLength(26);
    expect(await readAll(world, job, "1d")).toHaveLength(2);
  });

  test("of a level that has gone do not come back in part when samples come late", async () => {
    await using world = await createWorld();
    const job = await addJob(world, [grid(60_000)]);
    const samples = samplesOf(job, grid(60_000));
    const late = samples.filter((_, index) => index % 100 === 1);
    await store(
      world,
      samples.filter((sample) => !late.includes(sample)),
      NOW,
    );
    await rollUpAt(world, NOW);
    await ageAt(world, NOW);
    const days = await readAll(world, job, "1d");
    // In another month, for an hour's rollups leave by the month.
    const later = START + 45 * DAY_MS;
    await rollUpAt(world, later, { retentionDays: { "5m": 5, "1h": 5 } });
    await store(world, late, later);
    await ageAt(world, later);
    expect((await world.database.pool.query("select from late_samples")).rowCount).toBe(0);
    expect(await readAll(world, job, "5m")).toEqual([]);
    expect(await readAll(world, job, "1h")).toEqual([]);
    // A day that was written from nothing but the late ones would be worse than one without them.
    expect(await readAll(world, job, "1d")).toEqual(days);
  });

  test("leave with their job", async () => {
    await using world = await createWorld();
    const [job, other] = [await addJob(world, [grid(60_000)]), await addJob(world, [grid(60_000)])];
    await store(world, [...samplesOf(job, grid(60_000)), ...samplesOf(other, grid(60_000))], NOW);
    await rollUpAt(world, NOW);
    await removeRollupsOf(world.database.pool, [job.jobNo]);
    expect(await readAll(world, job, "1h")).toEqual([]);
    expect(await readAll(world, other, "1h")).toHaveLength(26);
  });

  test("are read by pages, of a window", async () => {
    await using world = await createWorld();
    const job = await addJob(world, [grid(60_000)]);
    const samples = samplesOf(job, grid(60_000)).filter(({ slot }) => slot % HOUR_MS < 1_000_000);
    await store(world, samples, NOW);
    await rollUpAt(world, NOW);
    const all = await readAll(world, job, "5m", { limit: 7 });
    expect(all).toHaveLength(26 * 4);
    expectTrue(all, samples, 300_000);
    const window = { from: iso(START + HOUR_MS + 400_000), to: iso(START + 3 * HOUR_MS + 1) };
    const within = samples.filter(
      ({ slot }) => slot >= START + HOUR_MS + 300_000 && slot < START + 3 * HOUR_MS + 300_000,
    );
    expectTrue(await readAll(world, job, "5m", { limit: 3, ...window }), within, 300_000);
  });
});

describe("create_job_rollups", { timeout: 60_000 }, () => {
  test("builds what there is of a job, again and again the same", async () => {
    await using world = await createWorld();
    const job = await addJob(world, [
      grid(60_000, { toSlot: START + HOUR_MS }),
      grid(10_000, { fromSlot: START + HOUR_MS + 7 }),
    ]);
    const other = await addJob(world, [grid(60_000)]);
    const samples = [
      ...samplesOf(job, grid(60_000, { toSlot: START + HOUR_MS })),
      ...samplesOf(job, grid(10_000, { fromSlot: START + HOUR_MS + 7 })),
    ];
    await store(world, [...samples, ...samplesOf(other, grid(60_000))], NOW);
    const build = async (text: string) =>
      (await world.database.pool.query<{ rows: number }>(`select ${text} as rows`, [job.id])).rows[0]?.rows;
    expect(await build("create_job_rollups($1)")).toBe(26 * 2 + 2);
    await expectAllLevels(world, job, samples);
    expect(await build("create_job_rollups($1, bucket_minutes => 5)")).toBe(26 * 2 + 2);
    expect(await build("create_job_rollups($1, 60)")).toBe(26 + 2);
    await expectAllLevels(world, job, samples);
    expect(await readAll(world, other, "5m")).toEqual([]);
    await expect(build("create_job_rollups($1, 7)")).rejects.toThrow("bucket_minutes must be 5, 60 or 1440");
  });

  test("is called when a job ends", async () => {
    await using world = await createWorld();
    const { pool } = world.database;
    const job = await addJob(world, [grid(60_000)]);
    const samples = samplesOf(job, grid(60_000));
    await store(world, samples, NOW);
    const signal = new AbortController().signal;
    await rollUpEndedJobs({ pool, signal });
    expect(await readAll(world, job, "5m")).toEqual([]);
    await pool.query("update jobs set status = 'completed', completed_at = now() where id = $1", [job.id]);
    await rollUpEndedJobs({ pool, signal });
    await expectAllLevels(world, job, samples);
    expect((await pool.query("select from ended_jobs")).rowCount).toBe(0);
  });
});

describe("long windows", { timeout: 120_000 }, () => {
  test("have every sample once, from rollups and at their ends from samples", async () => {
    await using world = await createWorld();
    const { database, organisationId } = world;
    const cadence = grid(100, { toSlot: START + 7 * HOUR_MS });
    const job = await addJob(world, [cadence]);
    const samples = samplesOf(job, cadence);
    for (let from = 0; from < samples.length; from += 50_000)
      await store(world, samples.slice(from, from + 50_000), NOW);
    await rollUpAt(world, START + 6 * HOUR_MS + 90_000);
    const sampled = await findSampledJob(database, organisationId, job.id);
    const [from, to] = [START + 1_234_567, START + 7 * HOUR_MS - 654_321];
    const inWindow = samples.filter(({ slot }) => slot >= from && slot < to);
    const tally = new Tally();
    for (const { status, rttUs, jitterUs } of inWindow)
      tally.add(status, rttUs ?? Number.NaN, jitterUs ?? Number.NaN);
    const exact = tally.summary();

    const summary = await readSummary(database, sampled, { from: iso(from), to: iso(to) }, NOW);
    expect(summary).toMatchObject({
      from: iso(from),
      sampleCount: inWindow.length,
      expectedCount: inWindow.length,
      missedCount: exact.missed_count,
      maxRttMs: (exact.max_rtt_us ?? 0) / 1_000,
    });
    expectWithinOnePercent(summary.p95RttMs, exact.p95_rtt_us);
    expectWithinOnePercent(summary.p50RttMs, exact.p50_p99_rtt_us?.[0] ?? null);
    expect(summary.avgRttMs).toBeCloseTo((exact.avg_rtt_us ?? 0) / 1_000, 2);

    const series = await readSeries(database, sampled, { from: iso(from), to: iso(to), points: 500 }, NOW);
    expect(series).toMatchObject({ resolution: "5m", from: iso(from) });
    expect(series.points.length).toBeLessThanOrEqual(500);
    for (const point of series.points) {
      const [first, next] = [Date.parse(point.from), Date.parse(point.to)];
      const within = samples.filter(({ slot }) => slot >= first && slot < next);
      expect(point.sampleCount).toBe(within.length);
      expect(point.missedCount).toBe(within.filter(({ status }) => status === 1).length);
      expect(point.maxRttMs).toBe(Math.max(...within.map(({ rttUs }) => rttUs ?? 0)) / 1_000);
    }
    expect(series.points.reduce((sum, { sampleCount }) => sum + sampleCount, 0)).toBe(inWindow.length);
  });
});
