import type { PathHop, PathTry } from "@nightbell/contract";
import { describe, expect, test } from "vitest";
import { pathEnd, pathLength, pathText } from "./path.js";

const NOBODY: PathTry = { answer: null, address: null, rttMs: null, reason: null };
const router = (address: string): PathTry => ({ answer: "hop", address, rttMs: 1, reason: null });
const target = (address: string): PathTry => ({ answer: "target", address, rttMs: 1, reason: null });
const refusal = (address: string): PathTry => ({
  answer: "unreachable",
  address,
  rttMs: 1,
  reason: "the host is unreachable",
});
const hops = (...tries: PathTry[][]): PathHop[] =>
  tries.map((each, index) => ({ hop: index + 1, tries: each }));

describe("where a path ends", () => {
  test("at the target, by the shortest way on which it answered, whatever else was said", () => {
    const path = hops([router("10.0.0.1")], [NOBODY], [NOBODY, target("10.0.9.2")], [refusal("10.0.0.1")]);
    expect(pathEnd(path)).toMatchObject({ kind: "reached", hop: 3, address: "10.0.9.2" });
  });

  test("at a router that says so, which is nearer than the packet would have gone", () => {
    const path = hops([router("10.0.0.1")], [router("10.0.1.1")], [NOBODY, refusal("10.0.1.1")]);
    expect(pathEnd(path)).toMatchObject({ kind: "unreachable", hop: 2, address: "10.0.1.1" });
    expect(pathText(pathEnd(path))).toBe(
      "the path ends at hop 2 (10.0.1.1), which says: the host is unreachable",
    );
  });

  test("after the last router that answered, though some before it are silent", () => {
    const path = hops([NOBODY], [router("10.0.1.1")], [NOBODY], [NOBODY, router("10.0.3.1")], [NOBODY]);
    expect(pathText(pathEnd(path))).toBe("the path ends after hop 4 (10.0.3.1)");
  });

  test("nowhere, when nobody answers", () => {
    expect(pathText(pathEnd(hops([NOBODY], [NOBODY])))).toBe("no hop of the path answers");
    expect(pathText(pathEnd([]))).toBe("no hop of the path answers");
  });
});

test("a path is shown to its end, or a little beyond where it breaks off", () => {
  const silence = Array.from({ length: 28 }, () => [NOBODY]);
  expect(pathLength(hops([router("10.0.0.1")], [target("10.0.9.2")], [target("10.0.9.2")]), 30)).toBe(2);
  expect(pathLength(hops([router("10.0.0.1")], [refusal("10.0.0.1")], [NOBODY]), 30)).toBe(2);
  expect(pathLength(hops([router("10.0.0.1")], [router("10.0.1.1")], ...silence), 30)).toBe(4);
  expect(pathLength(hops([router("10.0.0.1")]), 1)).toBe(1);
});
