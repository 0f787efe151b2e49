import type { Poller } from "@nightbell/contract";
import { expect, it } from "vitest";
import { troublesOf } from "./troubles.js";
import { formatMemory, formatRate } from "./words.js";

const poller: Poller = {
  id: "1",
  name: "night-1",
  location: "default",
  kind: "local",
  sharing: "live",
  state: "active",
  jobCount: 3,
  samplesPerSecond: 1,
  latenessP99Ms: 2,
  memoryBytes: 90_000_000,
  clockOffsetMs: 3,
  leaseAgeMs: 200,
  version: "0.1.0",
  startedAt: "2026-11-22T08:00:00.000Z",
  diedAt: null,
};

const titles = (...pollers: Poller[]) => troublesOf(pollers).map(({ title }) => title);

it("a healthy poller beside a dead one is no trouble", () => {
  expect(titles(poller, { ...poller, id: "2", state: "dead" })).toEqual([]);
});

it("a location whose pollers are all dead is named", () => {
  expect(titles(poller, { ...poller, location: "cellar", state: "dead" })).toEqual([
    "Nothing measures from cellar",
  ]);
});

it("a clock that is off and a poller that is late are named", () => {
  expect(titles({ ...poller, clockOffsetMs: -2_500, latenessP99Ms: 260 })).toEqual([
    "The clock of night-1 is 2.5 s ahead",
    "night-1 starts its probes late",
  ]);
  expect(titles({ ...poller, clockOffsetMs: 800 })).toEqual(["The clock of night-1 is 800 ms behind"]);
});

it("memory and rates are short", () => {
  expect([formatMemory(94_371_840), formatMemory(1_610_612_736)]).toEqual(["90 MB", "1.50 GB"]);
  expect([formatRate(0), formatRate(12.46), formatRate(10_240.4)]).toEqual(["0", "12.5", "10,240"]);
});
