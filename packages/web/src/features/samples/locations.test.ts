import { expect, test } from "vitest";
import { unmeasuredLocations } from "./locations.js";

const job = { locations: ["default", "cellar"], cadenceSeconds: 1 };
const sample = (location: string, seconds: number) => ({
  location,
  scheduledAt: new Date(1_800_000_000_000 + seconds * 1_000).toISOString(),
});

test("locations that measured lately are measured", () => {
  expect(unmeasuredLocations(job, [sample("default", 100), sample("cellar", 90)])).toEqual([]);
});

test("one from which nothing came for long, or ever, is not", () => {
  expect(unmeasuredLocations(job, [sample("default", 100), sample("cellar", 80)])).toEqual(["cellar"]);
  expect(unmeasuredLocations(job, [sample("default", 100)])).toEqual(["cellar"]);
  expect(unmeasuredLocations(job, [])).toEqual(["default", "cellar"]);
});
