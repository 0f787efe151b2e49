import type { Sample, Series } from "@nightbell/contract";
import { describe, expect, test } from "vitest";
import { columnsOf } from "./chart/columns.js";
import {
  isPiledUp,
  MAX_LIVE,
  mergeLive,
  readSeries,
  silentUntil,
  type LiveSample,
  type Point,
} from "./series.js";

const start = Date.UTC(2026, 10, 22, 12, 0, 0);
const iso = (offsetMs: number) => new Date(start + offsetMs).toISOString();

/** A series of points of one length, each `[offset, samples, missed, average]`. */
function series(
  resolution: string,
  stepMs: number,
  points: [number, number, number, number | null][],
): Series {
  return {
    resolution,
    from: iso(0),
    to: iso(60_000),
    points: points.map(([offset, sampleCount, missedCount, rtt]) => ({
      from: iso(offset),
      to: iso(offset + stepMs),
      avgRttMs: rtt,
      minRttMs: rtt,
      maxRttMs: rtt,
      p95RttMs: rtt,
      sampleCount,
      missedCount,
      systemErrorCount: 0,
      expectedCount: Math.max(1, sampleCount),
    })),
  };
}

function live(offsetMs: number, change: Partial<Sample> = {}, receivedAtMs = 2_000): LiveSample {
  const sample: Sample = {
    sequenceNumber: offsetMs,
    scheduledAt: iso(offsetMs),
    recordedAt: iso(offsetMs + 5),
    status: "success",
    rttMs: 10,
    jitterMs: null,
    latenessMs: 0,
    errorCode: null,
    error: null,
    phases: null,
    location: "default",
    ...change,
  };
  return { sample, receivedAtMs };
}

const missed = { status: "missed", rttMs: null } as const;

describe("live samples on a raw series", () => {
  const fetched = readSeries(
    series("raw", 1_000, [
      [0, 1, 0, 8],
      [1_000, 1, 0, 9],
    ]),
    1_000,
  );

  test("follow the newest slot without a gap, although the window cut that short", () => {
    const [first, newest] = fetched.points;
    const cut = { ...fetched, points: [first, { ...newest, toMs: start + 1_020 }] as Point[] };
    expect(columnsOf(mergeLive(cut, [live(2_000)], 1_000)).cells).toHaveLength(3);
    expect(columnsOf(mergeLive(cut, [live(3_000)], 1_000)).cells).toHaveLength(4);
  });

  test("become points of their own", () => {
    const points = mergeLive(fetched, [live(2_000), live(3_000, missed)], 1_000);
    expect(points).toHaveLength(4);
    expect(points[2]).toMatchObject({ fromMs: start + 2_000, toMs: start + 3_000, avgRttMs: 10 });
    expect(points[3]).toMatchObject({ sampleCount: 1, missedCount: 1, avgRttMs: null });
  });

  test("never add a slot twice", () => {
    const again = [live(1_000), live(2_000), live(2_000)];
    expect(mergeLive(fetched, again, 1_000).map((point) => point.sampleCount)).toEqual([1, 1, 1]);
  });

  test("leave a hole where a slot is skipped", () => {
    const points = mergeLive(fetched, [live(5_000)], 1_000);
    expect(points[2]?.fromMs).toBe(start + 5_000);
  });

  test("find their place when they come late", () => {
    const points = mergeLive(fetched, [live(4_000), live(3_000)], 1_000);
    expect(points.map((point) => point.fromMs - start)).toEqual([0, 1_000, 3_000, 4_000]);
  });

  test("fill a slot that the series expects but did not have yet", () => {
    const waiting = readSeries(
      series("raw", 1_000, [
        [0, 1, 0, 8],
        [1_000, 0, 0, null],
      ]),
      1_000,
    );
    expect(mergeLive(waiting, [live(1_000)], 1_000)[1]).toMatchObject({ sampleCount: 1, avgRttMs: 10 });
  });
});

describe("live samples on a series of buckets", () => {
  const fetched = readSeries(
    series("10s", 10_000, [
      [0, 10, 0, 20],
      [10_000, 1, 1, null],
    ]),
    1_000,
  );

  test("join their bucket and weigh as one sample", () => {
    const points = mergeLive(fetched, [live(12_000), live(13_000, { rttMs: 30 })], 1_000);
    expect(points).toHaveLength(2);
    expect(points[1]).toMatchObject({
      sampleCount: 3,
      missedCount: 1,
      avgRttMs: 20,
      minRttMs: 10,
      maxRttMs: 30,
      p95RttMs: null,
    });
  });

  test("open the next bucket on the same grid", () => {
    const points = mergeLive(fetched, [live(27_500)], 1_000);
    expect(points[2]).toMatchObject({ fromMs: start + 20_000, toMs: start + 30_000, sampleCount: 1 });
  });

  test("continue a bucket that the window cut short", () => {
    const cut = series("10s", 10_000, [
      [0, 10, 0, 20],
      [10_000, 3, 0, 20],
    ]);
    const last = cut.points[1];
    if (last !== undefined) last.to = iso(13_000);
    const points = mergeLive(readSeries(cut, 1_000), [live(14_000)], 1_000);
    expect(points).toHaveLength(2);
    expect(points[1]).toMatchObject({ toMs: start + 20_000, sampleCount: 4, avgRttMs: 17.5 });
  });

  test("are left out when the series was read after they came", () => {
    expect(mergeLive(fetched, [live(12_000, {}, 999)], 1_000)).toBe(fetched.points);
  });
});

describe("the time after the newest sample", () => {
  const { points } = readSeries(series("raw", 1_000, [[0, 1, 0, 8]]), 0);
  const job = { status: "running", cadenceSeconds: 1, options: { timeoutMs: 5_000 } } as const;

  test("is a gap at once in a paused job", () => {
    expect(silentUntil({ ...job, status: "paused" }, points, start + 2_000)).toBe(start + 2_000);
  });

  test("is a gap in a running one when samples should have come by now", () => {
    expect(silentUntil(job, points, start + 15_000)).toBeNull();
    expect(silentUntil(job, points, start + 60_000)).toBe(start + 60_000);
  });

  test("is nothing in a job that has ended", () => {
    expect(silentUntil({ ...job, status: "completed" }, points, start + 60_000)).toBeNull();
  });
});

const samples = (count: number, receivedAtMs: number) =>
  Array.from({ length: count }, (_, index) => live(index * 1_000, {}, receivedAtMs));

test("is read anew before live samples go that it lacks", () => {
  const fetched = readSeries(series("5m", 300_000, []), 1_000);
  expect(isPiledUp(fetched, samples(MAX_LIVE, 999))).toBe(false);
  expect(isPiledUp(fetched, samples(MAX_LIVE / 2, 1_000))).toBe(false);
  expect(isPiledUp(fetched, samples(MAX_LIVE / 2 + 1, 1_000))).toBe(true);
});
