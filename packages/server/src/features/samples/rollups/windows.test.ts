// Whatever window is asked for, of a job whose samples are raw, late, packed and rolled up, and that was edited and paused:
// counts and extremes are those of the samples, and percentiles are within 1 % of theirs.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ageAt } from "../../../../test/ageing.js";
import { rollUpAt } from "../../../../test/rollups.js";
import { addJob, createWorld, sampleAt, store, type World } from "../../../../test/samples.js";
import type { LocatedGrid } from "../../jobs/index.js";
import { SETTLING_MS } from "../chunks/hours.js";
import type { SummaryRow } from "../queries.js";
import { findSampledJob, type SampledJob } from "../sampled-job.js";
import { HOUR_MS, type SampleRecord, toMs } from "../sample.js";
import { readSeries } from "../series.js";
import { Tally } from "../statistics.js";
import { readSummary } from "../summary.js";
import type { Window } from "../window.js";
import { DAY_MS } from "./levels.js";

const MINUTE_MS = 60_000;
const START = Date.UTC(2026, 1, 10);
/** So long after the start that a chart of everything is told by days. */
const TODAY = START + 260 * DAY_MS;
const NOW = TODAY + 2 * HOUR_MS + 50 * MINUTE_MS;

const grid = (from: number, to: number, cadenceMs: number, locationCount = 1): LocatedGrid => ({
  fromSlot: from + 37,
  toSlot: to,
  cadenceMs,
  firstSequence: Math.floor(from / 100),
  locationCount,
});

/** Edited at six o'clock, paused for a day, edited again, paused for months; today's last hour is in no rollup yet. */
const GRIDS = [
  grid(START + 2 * HOUR_MS, START + 6 * HOUR_MS, 250),
  grid(START + 6 * HOUR_MS, START + 9 * HOUR_MS, 500, 2),
  grid(START + DAY_MS + 13 * HOUR_MS, START + DAY_MS + 18 * HOUR_MS, 250),
  grid(START + 2 * DAY_MS, START + 2 * DAY_MS + 5 * HOUR_MS, 200),
  grid(TODAY - DAY_MS + 23 * HOUR_MS, NOW, 300),
];

let world: World;
let job: SampledJob;
/** All samples, oldest first. */
let samples: readonly SampleRecord[];

beforeAll(async () => {
  world = await createWorld();
  const { database, organisationId } = world;
  await database.pool.query(
    "insert into locations (location_no, name) overriding system value values (2, 'far')",
  );
  const { id, jobNo } = await addJob(world, GRIDS, { locations: ["default", "far"] });
  job = await findSampledJob(database, organisationId, id);
  samples = GRIDS.flatMap((each) => samplesOf(jobNo, each));

  const coming = (when: Coming) => samples.filter((sample) => comingOf(sample) === when);
  await storeAll(coming("in time"));
  await rollUpAt(world, NOW);
  await storeAll(coming("late"));
  await rollUpAt(world, NOW);
  // What is older than today is packed.
  await ageAt(world, NOW, { rawRetentionHours: 24 });
  await storeAll(coming("after packing"));
}, 240_000);
afterAll(() => world[Symbol.asyncDispose]());

/** In order: late samples are packed by the second, old rollups dropped by the third. */
describe("any window", { timeout: 240_000 }, () => {
  test("of few samples is told by them, wherever they are", async () => {
    const { rows } = await world.database.pool.query("select from late_samples limit 1");
    expect(rows).toHaveLength(1);
    const short = fc
      .tuple(momentOfJob, fc.integer({ min: 1, max: 45 * MINUTE_MS }))
      .map(([from, length]) => ({ from, to: from + length }));
    await fc.assert(fc.asyncProperty(short, expectSummary), { numRuns: 20 });
  });

  test("of many samples is told by rollups of every level", async () => {
    await ageAt(world, NOW + SETTLING_MS, { rawRetentionHours: 24 });
    await rollUpAt(world, NOW);
    await fc.assert(fc.asyncProperty(window, expectSummary), { numRuns: 40, examples: [[everything]] });
    const resolutions = new Set<string>();
    const expectChart = async (each: Window) => void resolutions.add(await expectSeries(each));
    await fc.assert(fc.asyncProperty(window, expectChart), {
      numRuns: 25,
      examples: [
        [everything],
        // Of hours, and of five minutes.
        [{ from: START + 3 * HOUR_MS, to: START + 200 * DAY_MS }],
        [{ from: START + 2 * HOUR_MS + 1, to: START + 2 * DAY_MS + 7 * HOUR_MS }],
      ],
    });
    expect([...resolutions].map((resolution) => resolution.slice(-1)).sort()).toEqual(
      expect.arrayContaining(["d", "h", "m"]),
    );
  });

  test("is told by what is left when levels have dropped what is old", async () => {
    await rollUpAt(world, NOW, { retentionDays: { "5m": 30, "1h": 60 } });
    await fc.assert(fc.asyncProperty(window, expectSummary), { numRuns: 25, examples: [[everything]] });
  });
});

type Coming = "in time" | "late" | "after packing";

/** Of every 53 seconds one is late. */
function comingOf({ slot }: SampleRecord): Coming {
  const second = Math.floor(slot / 1_000);
  if (second % 53 !== 0) return "in time";
  return slot < TODAY - DAY_MS && second % 2 === 1 ? "after packing" : "late";
}

/** Ends like those that people choose, and any others; most of them where the job ran. */
const momentOfJob = fc
  .tuple(fc.constantFrom(...GRIDS), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([{ fromSlot, toSlot }, share]) => Math.floor(fromSlot + share * ((toSlot ?? NOW) - fromSlot)));
const moment = fc
  .tuple(
    fc.oneof({ weight: 4, arbitrary: momentOfJob }, fc.integer({ min: START, max: NOW })),
    fc.constantFrom(1, 1, 1, 300_000, HOUR_MS, DAY_MS),
  )
  .map(([time, unit]) => Math.max(time - (time % unit), START));
const window = fc
  .tuple(moment, moment)
  .filter(([one, other]) => one !== other)
  .map(([one, other]) => ({ from: Math.min(one, other), to: Math.max(one, other) }));
const everything = { from: START, to: NOW };

async function expectSummary({ from, to }: Window): Promise<void> {
  const query = { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
  const summary = await readSummary(world.database, job, query, NOW);
  const exact = tallyOf({ from, to });
  expect(summary).toMatchObject({
    from: query.from,
    sampleCount: exact.sample_count,
    missedCount: exact.missed_count,
    systemErrorCount: exact.system_error_count,
    minRttMs: toMs(exact.min_rtt_us),
    maxRttMs: toMs(exact.max_rtt_us),
    maxJitterMs: toMs(exact.max_jitter_us),
  });
  const [p50, p99] = exact.p50_p99_rtt_us ?? [null, null];
  expectNear(summary.avgRttMs, exact.avg_rtt_us, 0.001);
  expectNear(summary.stddevRttMs, exact.stddev_rtt_us, 0.01);
  expectNear(summary.p50RttMs, p50, 0.01);
  expectNear(summary.p95RttMs, exact.p95_rtt_us, 0.01);
  expectNear(summary.p99RttMs, p99, 0.01);
}

/** Returns the resolution. */
async function expectSeries({ from, to }: Window): Promise<string> {
  const query = { from: new Date(from).toISOString(), to: new Date(to).toISOString(), points: 500 };
  const { resolution, points, ...answered } = await readSeries(world.database, job, query, NOW);
  expect(answered.from).toBe(query.from);
  expect(points.length).toBeLessThanOrEqual(500);
  for (const point of points) {
    const exact = tallyOf({ from: Date.parse(point.from), to: Date.parse(point.to) });
    expect(point).toMatchObject({
      sampleCount: exact.sample_count,
      missedCount: exact.missed_count,
      systemErrorCount: exact.system_error_count,
      minRttMs: toMs(exact.min_rtt_us),
      maxRttMs: toMs(exact.max_rtt_us),
    });
    expectNear(point.avgRttMs, exact.avg_rtt_us, 0.001);
    expectNear(point.p95RttMs, exact.p95_rtt_us, 0.01);
  }
  const counted = points.reduce((sum, { sampleCount }) => sum + sampleCount, 0);
  expect(counted).toBe(tallyOf({ from, to }).sample_count);
  return resolution;
}

/** Half a microsecond more, because answers are rounded. */
function expectNear(foundMs: number | null, exactUs: number | null, share: number): void {
  if (exactUs === null) {
    expect(foundMs).toBeNull();
    return;
  }
  expect(Math.abs((foundMs ?? Infinity) * 1_000 - exactUs)).toBeLessThanOrEqual(share * exactUs + 0.5);
}

function tallyOf({ from, to }: Window): SummaryRow {
  const tally = new Tally();
  for (let index = firstFrom(from); index < firstFrom(to); index += 1) {
    const { status, rttUs, jitterUs } = samples[index] as SampleRecord;
    tally.add(status, rttUs ?? Number.NaN, jitterUs ?? Number.NaN);
  }
  return tally.summary();
}

/** The place of the first sample at or after a time. */
function firstFrom(time: number): number {
  let [low, high] = [0, samples.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((samples[middle]?.slot ?? Infinity) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function storeAll(all: readonly SampleRecord[]): Promise<void> {
  for (let from = 0; from < all.length; from += 20_000) {
    await store(world, all.slice(from, from + 20_000), NOW);
  }
}

/** RTTs over four decades that drift through the day, losses in bursts, errors of ours, and gaps. */
function samplesOf(jobNo: number, { fromSlot, toSlot, cadenceMs, locationCount }: LocatedGrid) {
  const result: SampleRecord[] = [];
  for (let slot = fromSlot; slot < (toSlot ?? NOW); slot += cadenceMs) {
    for (let locationNo = 1; locationNo <= locationCount; locationNo += 1) {
      const noise = ((slot * 7_919 + locationNo * 104_729) % 10_007) / 10_007;
      const minute = Math.floor(slot / MINUTE_MS);
      if (noise > 0.998) continue;
      const isLost = minute % 37 === 5 ? noise < 0.7 : noise < 0.01;
      const rttUs = Math.round(100 * 10 ** (4 * noise * (0.5 + 0.5 * Math.abs(Math.sin(minute / 200)))));
      const more: Partial<SampleRecord> =
        minute % 211 === 9
          ? { status: 2, rttUs: null }
          : isLost
            ? { status: 1, rttUs: null }
            : { rttUs, jitterUs: Math.round(noise * 5_000) };
      const sequenceNumber = Math.floor(fromSlot / 100) + (slot - fromSlot) / cadenceMs;
      result.push(sampleAt(slot, jobNo, { locationNo, sequenceNumber, ...more }));
    }
  }
  return result;
}
