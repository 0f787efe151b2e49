import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromLocalText, toLocalText } from "./localTime.js";

const zones = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"];

describe("wall-clock time in a zone", () => {
  test("names the instant it came from, but for the hour that exists twice", () => {
    const instant = fc
      .integer({ min: Date.UTC(2020, 0), max: Date.UTC(2035, 0) })
      .map((ms) => ms - (ms % 1_000));
    fc.assert(
      fc.property(fc.constantFrom(...zones), instant, (zone, atMs) => {
        const text = toLocalText(atMs, zone);
        const back = fromLocalText(text, zone) ?? Number.NaN;
        expect(toLocalText(back, zone)).toBe(text);
        expect(back).toBeLessThanOrEqual(atMs);
      }),
    );
  });

  test("takes the first of a time that exists twice", () => {
    expect(fromLocalText("2026-10-25T02:30", "Europe/Berlin")).toBe(Date.UTC(2026, 9, 25, 0, 30));
  });

  test("moves on from a time that does not exist", () => {
    expect(fromLocalText("2026-03-29T02:30", "Europe/Berlin")).toBe(Date.UTC(2026, 2, 29, 1, 30));
  });

  test("is nothing while incomplete", () => expect(fromLocalText("", "UTC")).toBeNull());
});
