import type { Poller } from "@nightbell/contract";
import { expect, it } from "vitest";
import { silenceAt, silentLocations, troublesOf } from "./troubles.js";
import { formatMemory, formatRate, labelOf, referencesText } from "./words.js";

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
  references: null,
  leaseAgeMs: 200,
  version: "0.1.0",
  startedAt: "2026-11-22T08:00:00.000Z",
  diedAt: null,
};

const NOW = Date.parse("2026-11-22T08:10:00.000Z");
const titles = (...pollers: Poller[]) => troublesOf(pollers, NOW).map(({ title }) => title);

const target = (name: string, isReachable: boolean, hasAnswered = true) => ({
  target: name,
  isReachable,
  hasAnswered,
  error: isReachable ? null : "no answer",
});

it("a healthy poller beside a dead one is no trouble", () => {
  expect(titles(poller, { ...poller, id: "2", state: "dead" })).toEqual([]);
});

it("a location whose pollers are all dead is named", () => {
  expect(titles(poller, { ...poller, location: "cellar", state: "dead" })).toEqual([
    "Nothing measures from cellar",
  ]);
});

it("of a job's locations those without a living poller are silent, also those that never had one", () => {
  const pollers = [poller, { ...poller, id: "2", location: "cellar", state: "dead" as const }];
  expect(silentLocations(["default", "cellar", "attic"], pollers)).toEqual(["cellar", "attic"]);
  expect(silentLocations(["default"], pollers)).toEqual([]);
  expect(silenceAt("cellar", pollers).advice).toMatch(/^Every poller there has fallen silent\./);
  expect(silenceAt("attic", pollers).advice).toMatch(/^No poller runs there\./);
});

it("a clock that is off and a poller that is late are named", () => {
  expect(titles({ ...poller, clockOffsetMs: -2_500, latenessP99Ms: 260 })).toEqual([
    "The clock of night-1 is 2.5 s ahead",
    "night-1 starts its probes late",
  ]);
  expect(titles({ ...poller, clockOffsetMs: 800 })).toEqual(["The clock of night-1 is 800 ms behind"]);
});

it("a poller that cannot reach its references is offline, since when and which is said", () => {
  const offlineSince = "2026-11-22T08:05:00.000Z";
  const offline = { ...poller, references: { targets: [target("icmp://10.0.0.1", false)], offlineSince } };
  expect(troublesOf([offline], NOW)).toMatchObject([
    { title: "night-1 went offline 5 min ago", advice: expect.stringContaining("icmp://10.0.0.1") },
  ]);
  expect(labelOf(offline).label).toBe("Offline");
  expect(labelOf({ ...offline, state: "dead" }).label).toBe("Dead");
  expect(titles({ ...offline, state: "dead" }, poller)).toEqual([]);
});

it("a reference that has never answered is named, with what that means", () => {
  const useless = target("tcp://10.0.0.2:53", false, false);
  const some = { targets: [target("icmp://10.0.0.1", true), useless], offlineSince: null };
  expect(titles({ ...poller, references: some })).toEqual([
    "A reference target of night-1 has never answered",
  ]);
  expect(referencesText(some)).toEqual({
    text: "1 of 2 references reachable",
    title: "icmp://10.0.0.1: reachable\ntcp://10.0.0.2:53: no answer",
  });
  const none = { targets: [useless], offlineSince: null };
  expect(titles({ ...poller, references: none })).toEqual([
    "No reference target of night-1 has ever answered",
  ]);
  expect(
    titles({ ...poller, references: { targets: [target("icmp://10.0.0.1", true)], offlineSince: null } }),
  ).toEqual([]);
});

it("memory and rates are short", () => {
  expect([formatMemory(94_371_840), formatMemory(1_610_612_736)]).toEqual(["90 MB", "1.50 GB"]);
  expect([formatRate(0), formatRate(12.46), formatRate(10_240.4)]).toEqual(["0", "12.5", "10,240"]);
});
