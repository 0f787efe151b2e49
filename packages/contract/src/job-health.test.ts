import { describe, expect, test } from "vitest";
import { healthOf } from "./job-health.js";

const slots = {
  ".": { rttMs: 1, status: "success" },
  x: { rttMs: null, status: "missed" },
  e: { rttMs: null, status: "system_error" },
  " ": null,
} as const;

/** Of slots as they are drawn: answer `.`, missed `x`, system error `e`, not probed as a space; oldest first. */
const health = (drawn: string) => healthOf(Array.from(drawn, (mark) => slots[mark as keyof typeof slots]));

describe("the health of a target", () => {
  test.each([
    ["", null],
    ["  ", null],
    [".", "up"],
    ["x", "down"],
    ["e", "unknown"],
    ["..xx", "down"],
    ["xxxxx.", "up"],
    ["..ee", "unknown"],
    ["..  ", "unknown"],
    ["..e ", "unknown"],
  ])("of %j is %s", (drawn, expected) => expect(health(drawn)).toBe(expected));

  test.each([
    ["...x", "up"],
    ["...e", "up"],
    ["xx.x", "up"],
    ["..xxe", "down"],
    ["..eex", "unknown"],
    ["..xexe", "up"],
  ])("of %j stays %s: one slot decides nothing", (drawn, expected) => expect(health(drawn)).toBe(expected));
});
