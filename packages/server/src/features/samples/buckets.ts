// How a chart's window is cut into points. Pure.
import { countSlots, type Grid, slotFrom } from "../jobs/index.js";
import { runsOf, type Run } from "./slots.js";
import type { Window } from "./window.js";

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Bucket lengths: what divides the next larger unit, so that boundaries fall where people expect them. */
const lengthsMs: readonly number[] = [
  100,
  200,
  250,
  500,
  ...[1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30].map((seconds) => seconds * SECOND_MS),
  ...[1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30].map((minutes) => minutes * MINUTE_MS),
  ...[1, 2, 3, 4, 6, 8, 12].map((hours) => hours * HOUR_MS),
  ...[1, 2, 3, 4, 5, 6, 7].map((days) => days * DAY_MS),
];

/** A stretch of the window that becomes one point. */
export interface Bucket extends Window {
  /** False for a stretch between two others in which the job did not run. */
  isRunning: boolean;
}

export interface Buckets {
  /** `raw` when every bucket that ran holds one slot, otherwise their length such as `10s`. */
  resolution: string;
  /** In order of time. */
  buckets: Bucket[];
}

/**
 * Cuts the window into at most `maxCount` buckets, of multiples of `unitMs` when that is given. Boundaries are multiples of the length since the epoch, whatever
 * the window, so that points stay what they are while a chart is moved; the first and the last bucket are cut off at
 * the window's ends.
 */
export function cutIntoBuckets(
  grids: readonly Grid[],
  window: Window,
  maxCount: number,
  unitMs = 0,
): Buckets {
  const runs = runsOf(grids).filter((run) => run.to > window.from && run.from < window.to);
  const slotCount = countSlots(grids, window.from, window.to);
  if (unitMs === 0 && slotCount + Math.max(runs.length - 1, 0) <= maxCount) {
    return { resolution: "raw", buckets: withPauses(slotBuckets(grids, window), runs) };
  }
  const lengthMs = bucketLength(window, maxCount, unitMs);
  return {
    resolution: formatLength(lengthMs),
    buckets: withPauses(timeBuckets(runs, window, lengthMs), runs),
  };
}

function slotBuckets(grids: readonly Grid[], window: Window): Bucket[] {
  const buckets: Bucket[] = [];
  for (const grid of grids) {
    const to = Math.min(grid.toSlot ?? Infinity, window.to);
    for (let slot = slotFrom(grid, window.from); slot < to; slot += grid.cadenceMs) {
      buckets.push({ from: slot, to: Math.min(slot + grid.cadenceMs, to), isRunning: true });
    }
  }
  return buckets;
}

/** The shortest length that cuts the window into at most `maxCount`. */
function bucketLength(window: Window, maxCount: number, unitMs: number): number {
  const fits = (lengthMs: number) =>
    (unitMs === 0 || lengthMs % unitMs === 0) &&
    Math.ceil(window.to / lengthMs) - Math.floor(window.from / lengthMs) <= maxCount;
  let lengthMs = lengthsMs.find(fits);
  // Beyond ten years the boundaries are of no calendar; in the end one bucket reaches from the epoch.
  for (let weeks = 2; lengthMs === undefined; weeks *= 2) {
    if (fits(weeks * 7 * DAY_MS)) lengthMs = weeks * 7 * DAY_MS;
  }
  return lengthMs;
}

/** The buckets that overlap a run. */
function timeBuckets(runs: readonly Run[], window: Window, lengthMs: number): Bucket[] {
  const buckets: Bucket[] = [];
  for (const run of runs) {
    const end = Math.min(run.to, window.to);
    for (let from = Math.max(run.from, window.from); from < end;) {
      const start = Math.floor(from / lengthMs) * lengthMs;
      const bucket = {
        from: Math.max(start, window.from),
        to: Math.min(start + lengthMs, window.to),
        isRunning: true,
      };
      // Two runs may share a bucket.
      if (buckets.at(-1)?.from !== bucket.from) buckets.push(bucket);
      from = start + lengthMs;
    }
  }
  return buckets;
}

/** Adds one bucket for each pause between two others, so that a chart breaks its line there. */
function withPauses(buckets: readonly Bucket[], runs: readonly Run[]): Bucket[] {
  return buckets.flatMap((bucket, index) => {
    const previous = buckets[index - 1];
    const isAfterPause =
      previous !== undefined &&
      previous.to < bucket.from &&
      runs.some((run) => run.from > previous.from && run.from <= bucket.to);
    return isAfterPause ? [{ from: previous.to, to: bucket.from, isRunning: false }, bucket] : [bucket];
  });
}

const units: readonly (readonly [string, number])[] = [
  ["d", DAY_MS],
  ["h", HOUR_MS],
  ["m", MINUTE_MS],
  ["s", SECOND_MS],
];

function formatLength(lengthMs: number): string {
  const [unit, unitMs] = units.find(([, unitMs]) => lengthMs % unitMs === 0) ?? ["ms", 1];
  return `${lengthMs / unitMs}${unit}`;
}
