import type { EvidenceProbe, NetworkPath } from "@nightbell/contract";
import { expect, test } from "vitest";
import { findingsText } from "./sentences.js";

const sentAt = "2026-11-30T02:00:00.000Z";
const good = (rttMs: number): EvidenceProbe => ({
  sentAt,
  status: "success",
  rttMs,
  errorCode: null,
  error: null,
});
const missed: EvidenceProbe = {
  ...good(0),
  status: "missed",
  rttMs: null,
  errorCode: "timeout",
  error: "no answer",
};
const broken: EvidenceProbe = {
  ...missed,
  status: "system_error",
  errorCode: "permission",
  error: "ICMP is not permitted",
};
const times = (count: number, probe: EvidenceProbe) => Array.from({ length: count }, () => probe);
const path = (end: NetworkPath["end"]): NetworkPath => ({ address: "10.0.9.2", hops: [], end });
const silent = path({ kind: "silent", hop: 4, address: "10.0.3.1", reason: null });

test.each([
  [[...times(9, missed), good(2)], silent, "9 of 10 probes failed; the path ends after hop 4 (10.0.3.1)"],
  [
    times(10, good(2)),
    path({ kind: "reached", hop: 5, address: "10.0.9.2", reason: null }),
    "10 of 10 probes were answered, in 2 ms on average; the path reaches 10.0.9.2 in 5 hops",
  ],
  [
    times(10, missed),
    path({ kind: "unreachable", hop: 2, address: "10.0.1.1", reason: "the host is unreachable" }),
    "10 of 10 probes failed; the path ends at hop 2 (10.0.1.1), which says: the host is unreachable",
  ],
  [
    [...times(8, missed), ...times(2, broken)],
    path({ kind: "silent", hop: 0, address: null, reason: null }),
    "8 of 10 probes failed, 2 could not be made; no hop of the path answers",
  ],
])("findings are said in a sentence", (burst, found, text) => {
  expect(findingsText({ burst, path: found, pathProblem: null })).toBe(text);
});

test("what the poller could not do is not said of the target", () => {
  expect(findingsText({ burst: times(10, broken), path: null, pathProblem: "ICMP is not permitted" })).toBe(
    "the poller could not probe: ICMP is not permitted; no path: ICMP is not permitted",
  );
});
