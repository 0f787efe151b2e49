import type { Health } from "@nightbell/contract";
import { expect, test } from "vitest";
import { assess } from "./health.js";

const calm: Health["metrics"] = {
  cpuPercent: 5,
  memoryPercent: 40,
  heapPercent: 10,
  rssBytes: 100_000_000,
  eventLoopLagMs: 1,
  database: {
    used: 1,
    waiting: 0,
    size: 20,
    percent: 5,
    lastAnswerAt: "2026-01-01T00:00:00.000Z",
    unavailableSince: null,
  },
};

test("a busy moment, such as a start, is no alert; a busy half minute is", () => {
  const busy = { ...calm, cpuPercent: 100 };
  expect(assess(busy, { cpuPercent: undefined })).toEqual({ status: "ok", alerts: [] });
  expect(assess(busy, { cpuPercent: 12 }).alerts).toEqual([]);
  expect(assess(busy, { cpuPercent: 92.5 })).toMatchObject({
    status: "critical",
    alerts: [{ metric: "cpu", message: expect.stringContaining("cpu at 92.5 %") as string }],
  });
});

test("memory that is nearly full is an alert at once", () => {
  expect(assess({ ...calm, memoryPercent: 85 }, { cpuPercent: undefined })).toMatchObject({
    status: "warning",
    alerts: [{ level: "warning", metric: "memory" }],
  });
});
