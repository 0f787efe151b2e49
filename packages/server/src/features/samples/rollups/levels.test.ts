import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HOUR_MS } from "../sample.js";
import { coverWindow, DAY_MS, levelFor, levels } from "./levels.js";

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

  test("has each moment once, and only rollups that are built and lie within", () => {
    const time = fc.integer({ min: 0, max: 6 * DAY_MS }).map((ms) => START + ms);
    const hours = fc
      .array(fc.integer({ min: 0, max: 150 }))
      .map((all) => new Set(all.map((n) => START + n * HOUR_MS)));
    const days = fc
      .array(fc.integer({ min: 0, max: 6 }))
      .map((all) => new Set(all.map((n) => START + n * DAY_MS)));
    fc.assert(
      fc.property(time, time, fc.constantFrom(...levels), hours, days, (a, b, level, hours, days) => {
        const window = { from: Math.min(a, b), to: Math.max(a, b) };
        const cover = coverWindow(window, level, { hours, days });
        const all = [...cover.samples, ...cover.rollups.flatMap(({ stretches }) => stretches)];
        all.sort((one, other) => one.from - other.from);
        let at = window.from;
        for (const { from, to } of all) {
          expect(from).toBe(at);
          at = to;
        }
        expect(at).toBe(window.to);
        for (const { level: of, stretches } of cover.rollups.filter((found) => found.stretches.length > 0)) {
          expect(of.bucketMs).toBeLessThanOrEqual(Math.max(level.bucketMs, HOUR_MS));
          const built = of.rowMs === DAY_MS ? days : hours;
          for (const { from, to } of stretches) {
            for (let row = from; row < to; row += of.rowMs) expect(built.has(row)).toBe(true);
          }
        }
      }),
    );
  });
});
