import type { EvidenceProbe, NetworkPath, PathTry } from "@nightbell/contract";
import { expect, test } from "vitest";
import { burstBars, burstFigures, hopRows } from "./evidence.js";

const good = (rttMs: number): EvidenceProbe => ({
  sentAt: "2026-11-30T02:00:00.000Z",
  status: "success",
  rttMs,
  errorCode: null,
  error: null,
});
const missed = (error: string): EvidenceProbe => ({
  ...good(0),
  status: "missed",
  rttMs: null,
  errorCode: "timeout",
  error,
});
const from = (address: string | null, rttMs: number | null = 1): PathTry => ({
  answer: address === null ? null : "hop",
  address,
  rttMs: address === null ? null : rttMs,
  reason: null,
});

test("bars are as high as their answers were slow, and errors are counted", () => {
  const burst = [good(10), good(5), good(0.1), missed("no answer"), missed("refused"), missed("no answer")];
  expect(burstBars(burst).map(({ kind, height }) => [kind, height])).toEqual([
    ["success", 1],
    ["success", 0.5],
    ["success", 0.12],
    ["missed", 1],
    ["missed", 1],
    ["missed", 1],
  ]);
  expect(burstFigures(burst)).toMatchObject({
    answered: 3,
    minMs: 0.1,
    maxMs: 10,
    errors: [
      { text: "no answer", count: 2, isOurs: false },
      { text: "refused", count: 1, isOurs: false },
    ],
  });
});

test("the hop behind which a path breaks off is marked, and what answers beyond it is silent", () => {
  const path: NetworkPath = {
    address: "10.0.9.2",
    hops: [
      { hop: 1, tries: [from("10.0.0.1", 1), from("10.0.0.2", 3), from(null)] },
      { hop: 2, tries: [from("10.0.1.1"), from("10.0.1.1"), from("10.0.1.1")] },
      { hop: 3, tries: [from(null), from(null), from(null)] },
    ],
    end: { kind: "silent", hop: 2, address: "10.0.1.1", reason: null },
  };
  expect(hopRows(path)).toMatchObject([
    { kind: "hop", addresses: ["10.0.0.1", "10.0.0.2"], avgMs: 2, isEnd: false },
    { kind: "hop", addresses: ["10.0.1.1"], loss: 0, isEnd: true },
    { kind: "silent", addresses: [], loss: 100, isEnd: false },
  ]);
  expect(hopRows(path)[0]?.loss).toBeCloseTo(33.3, 1);
});

test("a router that says that there is no way on has one row, though it answered for two hops", () => {
  const refusal: PathTry = { ...from("10.0.1.1"), answer: "unreachable", reason: "the host is unreachable" };
  const path: NetworkPath = {
    address: "10.0.9.2",
    hops: [
      { hop: 1, tries: [from("10.0.0.1")] },
      { hop: 2, tries: [from("10.0.1.1")] },
      { hop: 3, tries: [from(null), refusal] },
    ],
    end: { kind: "unreachable", hop: 2, address: "10.0.1.1", reason: "the host is unreachable" },
  };
  expect(hopRows(path).map(({ hop, isEnd }) => [hop, isEnd])).toEqual([
    [1, false],
    [2, true],
  ]);
});
