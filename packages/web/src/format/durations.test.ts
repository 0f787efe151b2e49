import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatSeconds, parseSeconds } from "./durations.js";

describe("a length of time", () => {
  test.each([
    [0.2, "200 ms"],
    [1.5, "1.5 s"],
    [59, "59 s"],
    [90, "1 m 30 s"],
    [3_600, "1 h"],
    [86_400 + 3_600 + 60, "1 d 1 h"],
  ])("of %s seconds reads %s", (seconds, text) => expect(formatSeconds(seconds)).toBe(text));

  test.each([
    ["5", 5],
    ["0.25", 0.25],
    ["200 ms", 0.2],
    ["200ms", 0.2],
    ["1.5 s", 1.5],
    ["1h30m", 5_400],
    ["2 hours 5 min", 7_500],
    ["7 days", 604_800],
  ])("is read from %s", (text, seconds) => expect(parseSeconds(text)).toBe(seconds));

  test.each(["", "abc", "5 parsecs", "-5", "1 h x", "5 s,", "h"])("is not read from %j", (text) =>
    expect(parseSeconds(text)).toBeNull(),
  );

  test("survives being written and read when two units hold it", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3_599 }), (seconds) => {
        expect(parseSeconds(formatSeconds(seconds))).toBe(seconds);
      }),
    );
  });
});
