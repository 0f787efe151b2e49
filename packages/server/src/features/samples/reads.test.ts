import type { Sample } from "@nightbell/contract";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ageAt } from "../../../test/ageing.js";
import { addJob, createWorld, sampleAt, store, type World } from "../../../test/samples.js";
import type { Grid } from "../jobs/index.js";
import { SETTLING_MS } from "./chunks/hours.js";
import { readPage } from "./page.js";
import { readRecent } from "./recent.js";
import type { SampleRecord } from "./sample.js";
import { findSampledJob, findSampledJobs, type SampledJob } from "./sampled-job.js";
import { readSeries } from "./series.js";
import { readSummary } from "./summary.js";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START = Date.UTC(2026, 10, 1);
/** Long after the last slot: nothing is on its way any more. */
const NOW = START + 40 * DAY_MS;
const ms = (microseconds: number | undefined) => (microseconds === undefined ? null : microseconds / 1_000);
const iso = (time: number) => new Date(time).toISOString();

const key = (sample: { slot: number; locationNo: number }) => `${sample.slot} ${sample.locationNo}`;
const keyOf = (sample: Sample) =>
  `${Date.parse(sample.scheduledAt)} ${sample.location === "default" ? 1 : 2}`;

/** Samples are read in the same way, and give the same answers, wherever they are. */
describe.each(["raw", "packed", "packed or late"] as const)(
  "samples that are %s:",
  { timeout: 60_000 },
  (age) => {
    let world: World;
    beforeAll(async () => {
      world = await createWorld();
    });
    afterAll(async () => {
      await world[Symbol.asyncDispose]();
    });

    /** Late samples are packed a turn later than the samples of their hour. */
    let agedAt = NOW + DAY_MS;

    /** Stores samples where this round looks for them. */
    async function put(samples: SampleRecord[], now: number): Promise<void> {
      if (age === "raw") return store(world, samples, now);
      const isLate = ({ slot }: SampleRecord) => age === "packed or late" && Math.floor(slot / 100) % 3 === 0;
      await store(
        world,
        samples.filter((sample) => !isLate(sample)),
        now,
      );
      await ageAt(world, (agedAt += SETTLING_MS));
      await store(world, samples.filter(isLate), now);
    }

    interface Fixture {
      job: SampledJob;
      /** Oldest first. */
      samples: SampleRecord[];
    }

    async function fixture(
      grids: readonly Grid[],
      samplesOf: (slot: number, jobNo: number) => SampleRecord[],
      options: { locations?: string[] } = {},
    ): Promise<Fixture> {
      const { id, jobNo } = await addJob(world, grids, options);
      const samples = grids.flatMap((grid) => {
        const count = Math.ceil(((grid.toSlot ?? NOW) - grid.fromSlot) / grid.cadenceMs);
        const slots = Array.from({ length: count }, (_, index) => grid.fromSlot + index * grid.cadenceMs);
        return slots.flatMap((slot) => samplesOf(slot, jobNo));
      });
      await put(samples, NOW);
      return { job: await findSampledJob(world.database, world.organisationId, id), samples };
    }

    /** A job that changed its cadence, was paused for an hour, and whose pollers were down for most of a day. */
    const eventful = fc
      .record({
        cadences: fc.array(fc.constantFrom(1_000, 7_000, 30_000, age === "raw" ? HOUR_MS : 90_000), {
          minLength: 2,
          maxLength: 3,
        }),
        lossPercent: fc.integer({ min: 0, max: 60 }),
        missPercent: fc.integer({ min: 0, max: 60 }),
        locations: fc.integer({ min: 1, max: 2 }),
        seed: fc.integer(),
      })
      .map(({ cadences, lossPercent, missPercent, locations, seed }) => {
        let at = START + 137;
        const grids = cadences.map((cadenceMs, index): Grid => {
          const fromSlot = at;
          const toSlot = fromSlot + Math.max(200 * cadenceMs, index === 1 ? DAY_MS : 0);
          at = toSlot + (index === 0 ? HOUR_MS : 0);
          return { fromSlot, toSlot, cadenceMs, firstSequence: index * 10_000_000 };
        });
        const chance = (slot: number, salt: number) => Math.abs(Math.sin(slot * 12.9898 + seed + salt)) * 100;
        const samplesOf = (slot: number, jobNo: number) => {
          const second = grids[1];
          const isOutage =
            second !== undefined && slot > second.fromSlot + HOUR_MS && slot < second.fromSlot + 23 * HOUR_MS;
          return Array.from({ length: locations }, (_, index) => index + 1).flatMap((locationNo) => {
            if (isOutage || chance(slot, locationNo) < missPercent) return [];
            const isLost = chance(slot, locationNo + 10) < lossPercent;
            const rttUs = isLost ? null : Math.round(chance(slot, locationNo + 20) * 1_000);
            return [sampleAt(slot, jobNo, { locationNo, status: isLost ? 1 : 0, rttUs })];
          });
        };
        return { grids, samplesOf, locations: ["default", "elsewhere"].slice(0, locations) };
      });

    beforeAll(async () => {
      await world.database.db
        .insertInto("locations")
        .values({ organisation_id: null, name: "elsewhere" })
        .execute();
    });

    describe("pages", () => {
      test("walk every sample once, newest first, across gaps and changes of cadence", async () => {
        await fc.assert(
          fc.asyncProperty(eventful, fc.integer({ min: 100, max: 500 }), async (plan, limit) => {
            const { job, samples } = await fixture(plan.grids, plan.samplesOf, plan);
            const walked: Sample[] = [];
            for (let cursor: string | undefined, pages = 0; ; pages += 1) {
              const { data, pagination } = await readPage(world.database, job, { limit, cursor }, NOW);
              walked.push(...data);
              expect(data.length).toBeLessThanOrEqual(limit);
              expect(pages).toBeLessThan(200);
              expect(pagination.hasNextPage).toBe(pagination.nextCursor !== null);
              expect(pagination.hasPreviousPage).toBe(pages > 0);
              if (pagination.nextCursor === null) break;
              cursor = pagination.nextCursor;
            }
            const expected = samples.toSorted((a, b) => b.slot - a.slot || a.locationNo - b.locationNo);
            expect(walked.map(keyOf)).toEqual(expected.map(key));
          }),
          { numRuns: age === "raw" ? 6 : 3 },
        );
      });

      test("hold exactly the window asked for", async () => {
        const grid = { fromSlot: START, toSlot: START + 100_000, cadenceMs: 1_000, firstSequence: 5 };
        const { job } = await fixture([grid], (slot, jobNo) => [sampleAt(slot, jobNo)]);
        const query = { limit: 500, from: iso(START + 10_000), to: iso(START + 12_000) };
        const page = await readPage(world.database, job, query, NOW);
        expect(page.data.map((sample) => sample.scheduledAt)).toEqual([
          iso(START + 11_000),
          iso(START + 10_000),
        ]);
        expect(page.pagination).toMatchObject({ totalItems: 2, totalIsEstimate: true, nextCursor: null });
        await expect(readPage(world.database, job, { ...query, to: query.from }, NOW)).rejects.toMatchObject({
          code: "validation_failed",
          errors: [{ path: "from" }],
        });
      });

      test("end with the last sample, whatever slots without one lie before it", async () => {
        const grid = { fromSlot: START, toSlot: START + 500_000, cadenceMs: 1_000, firstSequence: 0 };
        const { job } = await fixture([grid], (slot, jobNo) =>
          slot < START + 498_000 ? [] : [sampleAt(slot, jobNo)],
        );
        const page = await readPage(world.database, job, { limit: 2 }, NOW);
        expect(page.data).toHaveLength(2);
        expect(page.pagination).toMatchObject({ hasNextPage: false, nextCursor: null });
      });

      test("look for nothing in the future, however far the window reaches", async () => {
        const { job, samples } = await fixture(
          [{ fromSlot: START, toSlot: null, cadenceMs: DAY_MS, firstSequence: 0 }],
          (slot, jobNo) => [sampleAt(slot, jobNo)],
        );
        const read = (from: number, to: number) =>
          readPage(world.database, job, { limit: 500, from: iso(from), to: iso(to) }, NOW);
        const endOfTime = Date.UTC(9999, 0);
        const began = performance.now();
        expect((await read(0, endOfTime)).data).toHaveLength(samples.length);
        expect(await read(NOW + DAY_MS, endOfTime)).toMatchObject({
          data: [],
          pagination: { nextCursor: null },
        });
        // Looked through, those 8,000 years take many seconds.
        expect(performance.now() - began).toBeLessThan(3_000);
      });

      test("take samples in that come late, behind the cursor too", async () => {
        const grid = { fromSlot: START, toSlot: START + 100_000, cadenceMs: 1_000, firstSequence: 0 };
        const { job } = await fixture([grid], (slot, jobNo) =>
          slot % 2_000 === 0 ? [sampleAt(slot, jobNo)] : [],
        );
        const first = await readPage(world.database, job, { limit: 25 }, NOW);
        await put([sampleAt(START + 1_000, job.jobNo), sampleAt(START + 99_000, job.jobNo)], NOW);
        const cursor = first.pagination.nextCursor ?? "";
        const second = await readPage(world.database, job, { limit: 100, cursor }, NOW);
        expect(second.data).toHaveLength(26);
        expect(second.pagination.nextCursor).toBeNull();
        expect((await readPage(world.database, job, { limit: 100 }, NOW)).data).toHaveLength(52);
      });
    });

    describe("series", () => {
      test("keep every spike, loss and gap, whatever the window and the number of points", async () => {
        const windows = fc.tuple(
          fc.double({ min: 0, max: 0.9, noNaN: true }),
          fc.double({ min: 0.02, max: 1, noNaN: true }),
        );
        await fc.assert(
          fc.asyncProperty(
            eventful,
            windows,
            fc.integer({ min: 1, max: 500 }),
            async (plan, [at, length], points) => {
              const { job, samples } = await fixture(plan.grids, plan.samplesOf, plan);
              const end = plan.grids.at(-1)?.toSlot ?? NOW;
              const from = Math.round(START + at * (end - START));
              // Longer windows may be told by rollups (windows.test.ts).
              const to = Math.round(from + Math.min(length * (end - from), 20 * HOUR_MS)) + 1;
              const series = await readSeries(
                world.database,
                job,
                { from: iso(from), to: iso(to), points },
                NOW,
              );
              expect(series.points.length).toBeLessThanOrEqual(points);
              let counted = 0;
              for (const point of series.points) {
                const inside = samples.filter(
                  ({ slot }) => slot >= Date.parse(point.from) && slot < Date.parse(point.to),
                );
                const rtts = inside.flatMap(({ rttUs }) => rttUs ?? []).toSorted((a, b) => a - b);
                expect(point).toMatchObject({
                  sampleCount: inside.length,
                  missedCount: inside.filter(({ status }) => status === 1).length,
                  systemErrorCount: 0,
                  minRttMs: ms(rtts[0]),
                  maxRttMs: ms(rtts.at(-1)),
                  p95RttMs: ms(rtts[Math.ceil(rtts.length * 0.95) - 1]),
                });
                expect(point.expectedCount).toBeGreaterThanOrEqual(inside.length);
                counted += inside.length;
              }
              expect(counted).toBe(samples.filter(({ slot }) => slot >= from && slot < to).length);
            },
          ),
          { numRuns: age === "raw" ? 6 : 3 },
        );
      });

      test("show each slot while there are no more than the points asked for, and what is missing as gaps", async () => {
        const grid = { fromSlot: START, toSlot: null, cadenceMs: 10_000, firstSequence: 0 };
        const { id, jobNo } = await addJob(world, [grid]);
        const now = START + 60_000;
        await put([sampleAt(START, jobNo), sampleAt(START + 20_000, jobNo, { status: 2, rttUs: null })], now);
        const job = await findSampledJob(world.database, world.organisationId, id);
        const { resolution, points } = await readSeries(world.database, job, { points: 500 }, now);
        expect(resolution).toBe("raw");
        // The slot at 60 s is not over; the one at 50 s may still be on its way.
        expect(
          points.map((point) => [Date.parse(point.from) - START, point.sampleCount, point.expectedCount]),
        ).toEqual([
          [0, 1, 1],
          [10_000, 0, 1],
          [20_000, 1, 1],
          [30_000, 0, 1],
          [40_000, 0, 1],
          [50_000, 0, 1],
        ]);
        expect(points[2]).toMatchObject({ systemErrorCount: 1, missedCount: 0, avgRttMs: null });
      });

      test("answer for the newest 200,000 samples of a longer window while it is in no rollup, and say so", async () => {
        if (age !== "raw") return;
        const grid = { fromSlot: START, toSlot: START + DAY_MS, cadenceMs: 100, firstSequence: 0 };
        const { id, jobNo } = await addJob(world, [grid]);
        const hours = Array.from({ length: 24 }, (_, hour) => sampleAt(START + hour * HOUR_MS, jobNo));
        await put([...hours, sampleAt(START + DAY_MS - 100, jobNo)], NOW);
        const job = await findSampledJob(world.database, world.organisationId, id);
        const query = { from: iso(START), to: iso(START + DAY_MS) };
        const from = iso(START + DAY_MS - 20_000_000);
        expect(await readSeries(world.database, job, { ...query, points: 500 }, NOW)).toMatchObject({
          from,
          to: query.to,
        });
        expect(await readSummary(world.database, job, query, NOW)).toMatchObject({
          from,
          to: query.to,
          sampleCount: 6,
          expectedCount: 200_000,
        });
      });
    });

    describe("summaries", () => {
      test("of a running job show each gap, however many of the newest slots have come", async () => {
        const grid = { fromSlot: START, toSlot: null, cadenceMs: 1_000, firstSequence: 0 };
        const { id, jobNo } = await addJob(world, [grid]);
        const now = START + 100_000;
        // All up to the last second but three, long ago.
        const slots = Array.from({ length: 100 }, (_, index) => index).filter(
          (index) => index < 20 || index > 22,
        );
        await put(
          slots.map((index) => sampleAt(START + index * 1_000, jobNo)),
          now,
        );
        const job = await findSampledJob(world.database, world.organisationId, id);
        expect(await readSummary(world.database, job, {}, now)).toMatchObject({
          sampleCount: 97,
          expectedCount: 100,
        });
      });

      test("are exact", async () => {
        const grid = { fromSlot: START, toSlot: START + 11_000, cadenceMs: 1_000, firstSequence: 0 };
        const { id, jobNo } = await addJob(world, [grid]);
        const rtts = [10, 20, 30, 40, 50, 60, 70, 80];
        await put(
          [
            ...rtts.map((rtt, index) =>
              sampleAt(START + index * 1_000, jobNo, {
                rttUs: rtt * 1_000,
                jitterUs: index === 0 ? null : 10_000,
              }),
            ),
            // Answered, but wrongly: its RTT is no success's.
            sampleAt(START + 8_000, jobNo, { status: 1, rttUs: 999_000, errorCode: "http_status" }),
            sampleAt(START + 9_000, jobNo, { status: 2, rttUs: null }),
          ],
          NOW,
        );
        await world.database.db
          .insertInto("stray_replies")
          .values({ job_no: jobNo, hour_slot: START, location_no: 1, duplicate_count: 3, late_count: 4 })
          .execute();
        const job = await findSampledJob(world.database, world.organisationId, id);
        expect(await readSummary(world.database, job, {}, NOW)).toEqual({
          sampleCount: 10,
          expectedCount: 11,
          successCount: 8,
          missedCount: 1,
          systemErrorCount: 1,
          lossPercent: 11.111,
          avgRttMs: 45,
          minRttMs: 10,
          maxRttMs: 80,
          p50RttMs: 40,
          p95RttMs: 80,
          p99RttMs: 80,
          stddevRttMs: 22.913,
          avgJitterMs: 10,
          maxJitterMs: 10,
          duplicateReplies: 3,
          lateReplies: 4,
          from: iso(START),
          to: iso(START + 11_000),
        });
      });

      test("of a window that reaches far into the future are those of what has been", async () => {
        const grid = { fromSlot: START, toSlot: null, cadenceMs: 1_000, firstSequence: 0 };
        const { id, jobNo } = await addJob(world, [grid]);
        const now = START + HOUR_MS;
        await put([sampleAt(START, jobNo)], now);
        const job = await findSampledJob(world.database, world.organisationId, id);
        const query = { from: iso(START), to: iso(START + 365 * DAY_MS) };
        expect(await readSummary(world.database, job, query, now)).toMatchObject({
          ...query,
          sampleCount: 1,
        });
      });

      test("expect of the past what its locations were then, whatever they are now", async () => {
        const first = { fromSlot: START, toSlot: START + 10_000, cadenceMs: 1_000, firstSequence: 0 };
        const second = { ...first, fromSlot: START + 10_000, toSlot: START + 20_000, firstSequence: 10 };
        const grids = [
          { ...first, locationCount: 3 },
          { ...second, locationCount: 1 },
        ];
        const { id } = await addJob(world, grids, {
          locations: ["default", "elsewhere"],
        });
        const job = await findSampledJob(world.database, world.organisationId, id);
        expect(await readSummary(world.database, job, {}, NOW)).toMatchObject({ expectedCount: 40 });
        const { points } = await readSeries(world.database, job, { from: iso(START), points: 2 }, NOW);
        expect(points.map(({ expectedCount }) => expectedCount)).toEqual([30, 10]);
        expect((await readPage(world.database, job, { limit: 1 }, NOW)).pagination.totalItems).toBe(40);
      });

      test("of a job without samples have no values", async () => {
        const { id } = await addJob(world, []);
        const job = await findSampledJob(world.database, world.organisationId, id);
        expect(await readSummary(world.database, job, {}, NOW)).toMatchObject({
          sampleCount: 0,
          expectedCount: 0,
          lossPercent: null,
          p95RttMs: null,
          from: iso(NOW),
          to: iso(NOW),
        });
        expect((await readSeries(world.database, job, { points: 500 }, NOW)).points).toEqual([]);
        expect((await readPage(world.database, job, { limit: 500 }, NOW)).data).toEqual([]);
      });
    });

    test("the last samples of many jobs are 30 slots each, gaps as null, without those still on their way", async () => {
      const now = START + HOUR_MS;
      const open = { fromSlot: START, toSlot: null, cadenceMs: 1_000, firstSequence: 0 };
      const busy = await addJob(world, [open]);
      const silent = await addJob(world, [{ ...open, cadenceMs: 60_000 }]);
      const fresh = await addJob(world, []);
      await put(
        Array.from({ length: 100 }, (_, index) => index)
          .filter((index) => index !== 10)
          .map((index) =>
            sampleAt(now - 3_000 - index * 1_000, busy.jobNo, {
              status: index % 10 === 5 ? 1 : 0,
              rttUs: index * 1_000,
            }),
          ),
        now,
      );
      const jobs = await findSampledJobs(world.database, world.organisationId, [
        busy.id,
        silent.id,
        fresh.id,
      ]);
      const [first, second, third] = await readRecent(world.database, jobs, now);
      expect(first?.points).toHaveLength(30);
      expect(first?.points.at(-1)).toEqual({ rttMs: 0, status: "success" });
      expect(first?.points.at(-6)).toEqual({ rttMs: 5, status: "missed" });
      expect(first?.points.at(-11)).toBeNull();
      expect(first).toMatchObject({
        jobId: busy.id,
        lastStatus: "success",
        lastRttMs: 0,
        lastRecordedAt: iso(now - 3_000 + 10),
        lossPercent: 10.345,
      });
      expect(second).toMatchObject({ lastStatus: null, lossPercent: null, points: Array(30).fill(null) });
      expect(third).toMatchObject({ jobId: fresh.id, lastStatus: null, points: [] });
    });
  },
);
