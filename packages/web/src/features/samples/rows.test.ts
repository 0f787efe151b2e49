import type { Sample } from "@nightbell/contract";
import { expect, test } from "vitest";
import { rowsOf } from "./rows.js";

const sample = (second: number, location = "default") =>
  ({ scheduledAt: new Date(second * 1_000).toISOString(), location, rttMs: second }) as Sample;
const live = (...samples: Sample[]) => samples.map((one) => ({ sample: one, receivedAtMs: 0 }));
const seconds = (rows: { samples: Sample[] }) => rows.samples.map((row) => row.rttMs);

test("live samples stand on top of the pages, newest first, each once", () => {
  const rows = rowsOf([sample(3), sample(2)], live(sample(3), sample(4), sample(6), sample(5), sample(5)));
  expect(seconds(rows)).toEqual([6, 5, 4, 3, 2]);
  expect(rows.liveCount).toBe(3);
});

test("a live sample pushes the oldest row out, and is counted all the same", () => {
  const rows = rowsOf([sample(3), sample(2)], live(sample(4), sample(5), sample(6)), 2);
  expect(seconds(rows)).toEqual([6, 5]);
  expect(rows.liveCount).toBe(3);
});

test("a live sample older than the loaded pages waits for its page", () => {
  expect(seconds(rowsOf([sample(3), sample(2)], live(sample(1))))).toEqual([3, 2]);
});

test("locations of one slot are different rows", () => {
  expect(rowsOf([sample(3)], live(sample(3, "tokyo"))).samples).toHaveLength(2);
});
