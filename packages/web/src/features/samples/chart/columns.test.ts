import { describe, expect, test } from "vitest";
import type { Point } from "../series.js";
import { columnsOf, describeChart, lonelyColumns, rttLimits } from "./columns.js";

function point(second: number, change: Partial<Point> = {}): Point {
  return {
    fromMs: second * 1_000,
    toMs: (second + 1) * 1_000,
    avgRttMs: 20,
    minRttMs: 18,
    maxRttMs: 30,
    p95RttMs: 28,
    sampleCount: 1,
    missedCount: 0,
    systemErrorCount: 0,
    expectedCount: 1,
    ...change,
  };
}
const noRtt = { avgRttMs: null, minRttMs: null, maxRttMs: null, p95RttMs: null };
const lost = (second: number) => point(second, { ...noRtt, missedCount: 1 });

describe("the columns of a chart", () => {
  test("stand in the middle of their points", () => {
    expect(columnsOf([point(0), point(1)]).x).toEqual([0.5, 1.5]);
  });

  test("break the line where slots were not probed", () => {
    const empty = point(1, { ...noRtt, sampleCount: 0 });
    for (const points of [
      [point(0), point(2)],
      [point(0), empty, point(2)],
    ]) {
      const columns = columnsOf(points);
      expect(columns.avg).toEqual([20, null, 20]);
      expect(columns.cells[1]).toEqual({ fromMs: 1_000, toMs: 2_000 });
    }
  });

  test("break the line at a loss without calling it a gap", () => {
    const columns = columnsOf([point(0), lost(1), point(2)]);
    expect(columns.avg).toEqual([20, null, 20]);
    expect(columns.cells).toEqual([point(0), lost(1), point(2)]);
  });

  test("end with the newest sample, not with slots still to come", () => {
    expect(columnsOf([point(0), point(1, { ...noRtt, sampleCount: 0 })]).x).toEqual([0.5]);
  });

  test("end with a gap when nothing was probed since", () => {
    expect(columnsOf([point(0)], 9_000).cells).toEqual([point(0), { fromMs: 1_000, toMs: 9_000 }]);
    expect(columnsOf([], 9_000).cells).toEqual([]);
  });

  test("name answers that no line reaches", () => {
    expect(lonelyColumns([1, null, 2, null, 3, 4])).toEqual([0, 2]);
  });
});

describe("the RTT axis", () => {
  test("begins at zero for ordinary spreads", () => expect(rttLimits(10, 40, [])[0]).toBe(0));

  test("looks closer at values far above zero", () => {
    const [low, high] = rttLimits(200, 210, []);
    expect(low).toBeGreaterThan(190);
    expect(high).toBeGreaterThan(210);
  });

  test("takes in a threshold nearby but not one far away", () => {
    expect(rttLimits(10, 40, [50])[1]).toBeGreaterThan(50);
    expect(rttLimits(10, 40, [500])[1]).toBeLessThan(100);
  });

  test("has room around a single value", () => {
    const [low, high] = rttLimits(5, 5, []);
    expect(high).toBeGreaterThan(5);
    expect(low).toBeLessThan(5);
  });
});

describe("the chart in words", () => {
  test("says how many came, were missed and failed, and how long they took", () => {
    const points = [point(0), lost(1), point(2, { ...noRtt, systemErrorCount: 1 }), point(4)];
    expect(describeChart(columnsOf(points))).toBe(
      "4 samples; round trips from 18.0 ms to 30.0 ms, 20.0 ms on average; 1 missed; 1 system error; 1 gap.",
    );
  });

  test("says when nothing answered or nothing is there", () => {
    expect(describeChart(columnsOf([lost(0)]))).toContain("no answer");
    expect(describeChart(columnsOf([]))).toBe("No samples in this window.");
  });
});
