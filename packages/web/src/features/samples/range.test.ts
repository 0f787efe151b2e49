import type { Job } from "@nightbell/contract";
import { describe, expect, test } from "vitest";
import { beginsWithJob, presetOf, presetWindow, readRangeSearch } from "./range.js";

const now = Date.UTC(2026, 10, 22, 12);
const job = (change: Partial<Job>) =>
  ({
    status: "running",
    createdAt: new Date(0).toISOString(),
    startedAt: new Date(0).toISOString(),
    ...change,
  }) as Job;
const ago = (ms: number) => new Date(now - ms).toISOString();

describe("the window of a job page", () => {
  test("ends now and reaches back as far as the preset says", () => {
    expect(presetWindow("1h", job({}), now)).toEqual({ fromMs: now - 3_600_000, toMs: now });
  });

  test("begins with the job when that is younger, but never holds less than a minute", () => {
    expect(presetWindow("1h", job({ startedAt: ago(600_000) }), now).fromMs).toBe(now - 600_000);
    expect(presetWindow("15m", job({ startedAt: ago(2_000) }), now).fromMs).toBe(now - 60_000);
    expect(beginsWithJob("1h", job({ startedAt: ago(600_000) }), now)).toBe(true);
    expect(beginsWithJob("5m", job({ startedAt: ago(600_000) }), now)).toBe(false);
    expect(beginsWithJob("all", job({ startedAt: ago(600_000) }), now)).toBe(false);
  });

  test("of a job that has ended is counted back from its end and opens on all of it", () => {
    const ended = job({ status: "completed", startedAt: ago(7_200_000), completedAt: ago(3_600_000) });
    expect(presetOf({}, ended)).toBe("all");
    expect(presetWindow("all", ended, now)).toEqual({ fromMs: now - 7_200_000, toMs: now - 3_600_000 });
    expect(presetWindow("5m", ended, now).toMs).toBe(now - 3_600_000);
    const short = job({ status: "completed", startedAt: ago(30_000), completedAt: ago(0) });
    expect(presetWindow("all", short, now).fromMs).toBe(now - 30_000);
  });
});

describe("the range in the address", () => {
  test("is a preset or from and to", () => {
    expect(readRangeSearch({ range: "6h" })).toEqual({ range: "6h" });
    expect(readRangeSearch({ from: ago(1_000), to: ago(0) })).toEqual({ from: ago(1_000), to: ago(0) });
  });

  test.each([{ range: "toString" }, { from: ago(0), to: ago(1_000) }, { from: "yesterday", to: ago(0) }, {}])(
    "is the default when it makes no sense: %j",
    (search) => expect(readRangeSearch(search)).toEqual({}),
  );
});
