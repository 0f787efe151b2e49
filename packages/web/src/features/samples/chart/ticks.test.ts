import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rttTicks, timeTick } from "./ticks.js";

const perUnitMs: Record<string, number> = { µs: 0.001, ms: 1, s: 1_000 };

function rttOf(label: string): number {
  const [value = "", unit = "ms"] = label.split(" ");
  return Number(value) * (perUnitMs[unit] ?? Number.NaN);
}

describe("ticks of round-trip times", () => {
  test.each([
    { ticks: [0, 2.5, 5, 7.5], step: 2.5, labels: ["0", "2.5 ms", "5.0 ms", "7.5 ms"] },
    { ticks: [0, 0.05, 0.1], step: 0.05, labels: ["0", "50 µs", "100 µs"] },
    { ticks: [0, 0.5, 1], step: 0.5, labels: ["0", "0.5 ms", "1.0 ms"] },
    { ticks: [20.1, 20.2, 20.3], step: 0.1, labels: ["20.1 ms", "20.2 ms", "20.3 ms"] },
    { ticks: [990, 1_000, 1_010], step: 10, labels: ["0.99 s", "1.00 s", "1.01 s"] },
    { ticks: [0, 2_000, 4_000], step: 2_000, labels: ["0", "2 s", "4 s"] },
  ])("read $labels", ({ ticks, step, labels }) => expect(rttTicks(ticks, step)).toEqual(labels));

  test("never repeat, and say the value they stand at", () => {
    const axes = fc.record({
      exponent: fc.integer({ min: -4, max: 4 }),
      multiple: fc.constantFrom(1, 2, 2.5, 5),
      first: fc.nat({ max: 100 }),
      count: fc.integer({ min: 2, max: 12 }),
    });
    fc.assert(
      fc.property(axes, ({ exponent, multiple, first, count }) => {
        const step = multiple * 10 ** exponent;
        const ticks = Array.from({ length: count }, (_, index) => (first + index) * step);
        const labels = rttTicks(ticks, step);
        expect(new Set(labels).size).toBe(count);
        for (const [index, label] of labels.entries())
          expect(Math.abs(rttOf(label) - (ticks[index] ?? Number.NaN))).toBeLessThan(step / 1_000);
      }),
    );
  });
});

describe("ticks of time", () => {
  const from = Date.parse("2026-11-21T23:00:00Z") / 1_000; // Midnight in Berlin.
  const labels = (stepSeconds: number, count = 3) =>
    Array.from({ length: count }, (_, index) =>
      timeTick((from + index * stepSeconds) * 1_000, stepSeconds, "Europe/Berlin"),
    );

  test("are as fine as their distance", () => {
    expect(labels(0.25)).toEqual(["00:00:00.000", "00:00:00.250", "00:00:00.500"]);
    expect(labels(15)).toEqual(["00:00:00", "00:00:15", "00:00:30"]);
    expect(labels(60)).toEqual(["22 Nov", "00:01", "00:02"]);
    expect(labels(86_400)).toEqual(["22 Nov", "23 Nov", "24 Nov"]);
    expect(labels(365 * 86_400)).toEqual(["Nov 2026", "Nov 2027", "Nov 2028"]);
  });
});
