import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HOUR_MS } from "../sample.js";
import { coverWindow, DAY_MS, type Level, levelFor, levels, partitionOf } from "./levels.js";

const everything = () => true;

describe("the level of a chart", () => {
  test.each([
    { days: 0.5, resolution: "5m" },
    { days: 3, resolution: "5m" },
    { days: 30, resolution: "1h" },
    { days: 249, resolution: "1h" },
    { days: 251, resolution: "1d" },
  ])("of $days days is $resolution", ({ days, resolution }) => {
    expect(levelFor({ from: 0, to: days * DAY_MS }, everything).resolution).toBe(resolution);
  });

  test("is coarser where the finer one does not reach back so far", () => {
    const window = { from: 0, to: 3 * DAY_MS };
    expect(levelFor(window, ({ resolution }) => resolution !== "5m").resolution).toBe("1h");
  });
});

describe("the cover of a window", () => {
  const START = Date.UTC(2026, 10, 1);
  const [fine, hourly, daily] = levels;
  const built = (firstHour: number, lastHour: number) => ({
    hours: new Set(
      Array.from({ length: lastHour - firstHour + 1 }, (_, n) => START + (firstHour + n) * HOUR_MS),
    ),
    days: new Set(Array.from({ length: 6 }, (_, n) => START + n * DAY_MS)),
    reaches: everything,
  });

  test("has each moment once, and only rollups that are there and lie within", () => {
    const time = fc.integer({ min: 0, max: 6 * DAY_MS }).map((ms) => START + ms);
    const hours = fc
      .array(fc.integer({ min: 0, max: 150 }))
      .map((all) => new Set(all.map((n) => START + n * HOUR_MS)));
    const days = fc
      .array(fc.integer({ min: 0, max: 6 }))
      .map((all) => new Set(all.map((n) => START + n * DAY_MS)));
    const dropped = fc.tuple(time, time, time);
    fc.assert(
      fc.property(
        time,
        time,
        fc.constantFrom(...levels),
        hours,
        days,
        dropped,
        (a, b, level, hours, days, dropped) => {
          const window = { from: Math.min(a, b), to: Math.max(a, b) };
          const reaches = (of: Level, at: number) => at >= (dropped[levels.findIndex((l) => l === of)] ?? 0);
          const cover = coverWindow(window, level, { hours, days, reaches });
          const all = [...cover.samples, ...cover.rollups.flatMap(({ stretches }) => stretches)];
          all.sort((one, other) => one.from - other.from);
          let at = window.from;
          for (const { from, to } of all) {
            expect(from).toBe(at);
            at = to;
          }
          expect(at).toBe(window.to);
          for (const { from, to } of cover.samples) {
            expect(Math.floor((to - 1) / HOUR_MS)).toBe(Math.floor(from / HOUR_MS));
          }
          for (const { level: of, stretches } of cover.rollups) {
            expect(of.bucketMs).toBeLessThanOrEqual(level.bucketMs);
            for (const { from, to } of stretches) {
              for (let bucket = from; bucket < to; bucket += of.bucketMs) {
                const row = bucket - (bucket % of.rowMs);
                expect((of === daily ? days : hours).has(row) && reaches(of, bucket)).toBe(true);
              }
              expect([from % of.bucketMs, to % of.bucketMs]).toEqual([0, 0]);
            }
          }
        },
      ),
    );
  });

  test("leaves less than five minutes at each end to samples, and what is too young", () => {
    const window = { from: START + 1_234_567, to: START + 99 * HOUR_MS + 2_345_678 };
    const { samples, rollups } = coverWindow(window, daily, built(0, 98));
    const [first, ...young] = samples;
    expect((first?.to ?? Infinity) - window.from).toBeLessThan(fine.bucketMs);
    expect(young).toEqual([{ from: START + 99 * HOUR_MS, to: window.to }]);
    expect(rollups.map(({ level, stretches }) => [level.resolution, stretches.length])).toEqual([
      ["1d", 1],
      ["1h", 2],
      ["5m", 1],
    ]);
    const ending = coverWindow(window, daily, built(0, 99)).samples;
    expect(ending).toEqual([first, { from: window.to - (window.to % fine.bucketMs), to: window.to }]);
  });

  test("takes a finer level where one has dropped its own", () => {
    const reaches = (level: Level, time: number) => level !== hourly || time >= START + 2 * DAY_MS;
    const window = { from: START + HOUR_MS, to: START + 3 * DAY_MS + HOUR_MS };
    const { samples, rollups } = coverWindow(window, hourly, { ...built(0, 100), reaches });
    expect(samples).toEqual([]);
    expect(rollups.map(({ stretches }) => stretches)).toEqual([
      [{ from: START + 2 * DAY_MS, to: window.to }],
      [{ from: window.from, to: START + 2 * DAY_MS }],
    ]);
  });
});

test("a partition is named after its day, month or year", () => {
  const time = Date.UTC(2026, 10, 22, 23, 59);
  expect(levels.map((level) => partitionOf(level, time))).toEqual([
    "rollups_5m_20261122",
    "rollups_1h_202611",
    "rollups_1d_2026",
  ]);
});
