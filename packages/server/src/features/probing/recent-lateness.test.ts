import { describe, expect, it } from "vitest";
import { RecentLateness } from "./recent-lateness.js";

/** 100 results a second, for a while. */
function run(recent: RecentLateness, fromMs: number, toMs: number, latenessUs: (index: number) => number) {
  for (let at = fromMs, index = 0; at < toMs; at += 10, index += 1) recent.note(latenessUs(index), at);
}

describe("recent lateness", () => {
  it("is the rate and the 99th percentile of the last seconds, within 5 %", () => {
    const recent = new RecentLateness(0);
    run(recent, 0, 8_000, (index) => (index % 50 === 0 ? 40_000 : 1_000));
    const { samplesPerSecond, latenessP99Ms } = recent.read(8_000);
    expect(samplesPerSecond).toBeCloseTo(100, 0);
    expect(Math.abs((latenessP99Ms ?? 0) / 40 - 1)).toBeLessThan(0.05);
  });

  it("leaves out what one in a hundred exceeds", () => {
    const recent = new RecentLateness(0);
    run(recent, 0, 4_000, (index) => (index % 200 === 0 ? 40_000 : 1_000));
    expect(recent.read(4_000).latenessP99Ms).toBeLessThan(1.1);
  });

  it("forgets", () => {
    const recent = new RecentLateness(0);
    run(recent, 0, 4_000, () => 500_000);
    run(recent, 20_000, 24_000, () => 0);
    expect(recent.read(24_000).latenessP99Ms).toBeLessThan(1);
    expect(recent.read(60_000)).toEqual({ samplesPerSecond: 0, latenessP99Ms: null });
  });
});
