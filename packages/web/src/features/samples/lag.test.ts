import type { Sample } from "@nightbell/contract";
import { expect, test } from "vitest";
import { lagOf } from "./lag.js";
import type { LiveSample } from "./series.js";

const END = Date.parse("2026-11-22T08:00:00.000Z");
const liveAt = (atMs: number): LiveSample => ({
  sample: { scheduledAt: new Date(atMs).toISOString() } as Sample,
  receivedAtMs: END + 1_000,
});

test("without an outage a page is up to date", () => {
  expect(lagOf("running", [], "ok", null)).toBe("none");
});

test("while the database is away nothing newer is stored, and without a connection nobody knows", () => {
  expect(lagOf("running", [liveAt(END)], "unavailable", null)).toBe("unstored");
  expect(lagOf("running", [], "unreachable", null)).toBe("cutOff");
  expect(lagOf("running", [], "offline", END)).toBe("cutOff");
});

test("after an outage a page catches up until a sample from after it has come", () => {
  expect(lagOf("running", [liveAt(END - 1)], "ok", END)).toBe("catchingUp");
  expect(lagOf("running", [liveAt(END - 1), liveAt(END)], "ok", END)).toBe("none");
});

test("of a job that does not measure nothing is missing", () => {
  expect(lagOf("paused", [], "unavailable", null)).toBe("none");
});
