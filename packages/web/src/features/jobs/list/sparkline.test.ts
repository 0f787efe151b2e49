import { describe, expect, test } from "vitest";
import { sparkline } from "./sparkline.js";

const answer = (rttMs: number) => ({ rttMs, status: "success" as const });
const missed = { rttMs: null, status: "missed" as const };
const fault = { rttMs: null, status: "system_error" as const };

describe("a sparkline", () => {
  test("ends at the right edge however few slots there are", () => {
    expect(sparkline([answer(1), answer(2)], 130, 34).last?.x).toBe(127);
  });

  test("breaks at losses, our errors and gaps, and marks the first two", () => {
    const spark = sparkline([answer(1), missed, answer(2), answer(3), fault, null, answer(4)], 130, 34);
    expect(spark.line.match(/M/g)).toHaveLength(3);
    expect(spark.missed).toHaveLength(1);
    expect(spark.faults).toHaveLength(1);
    expect(spark.dots).toHaveLength(2);
  });

  test("draws trembling around one value as nearly flat", () => {
    const ys = [...sparkline([answer(100), answer(100.5)], 130, 34).line.matchAll(/ ([\d.]+)/g)].map(
      (match) => Number(match[1]),
    );
    expect(Math.abs((ys[0] ?? 0) - (ys[1] ?? 0))).toBeLessThan(3);
  });

  test("draws nothing for a success without a round trip", () => {
    const untimed = { rttMs: null, status: "success" as const };
    const spark = sparkline([untimed, answer(1), untimed, answer(2), answer(3)], 130, 34);
    expect(spark.line.match(/[ML]/g)).toEqual(["M", "M", "L"]);
    expect(spark.dots).toHaveLength(1);
  });

  test("of nothing is empty", () => expect(sparkline([null, null], 130, 34).line).toBe(""));
});
