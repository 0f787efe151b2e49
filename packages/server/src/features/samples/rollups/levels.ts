// The levels of rollups, and which of them tell of which part of a window. Pure.
import type { RollupResolution } from "@nightbell/contract";
import { HOUR_MS } from "../sample.js";
import { hourOf } from "../partitions.js";
import type { Window } from "../window.js";

export const DAY_MS = 86_400_000;

export interface Level {
  readonly resolution: RollupResolution;
  readonly table: "rollups_5m" | "rollups_1h" | "rollups_1d";
  /** Length of a bucket. */
  readonly bucketMs: number;
  /** Length of a row, which holds one or more buckets. */
  readonly rowMs: number;
}

/** Finest first. */
export const levels = [
  { resolution: "5m", table: "rollups_5m", bucketMs: 300_000, rowMs: HOUR_MS },
  { resolution: "1h", table: "rollups_1h", bucketMs: HOUR_MS, rowMs: HOUR_MS },
  { resolution: "1d", table: "rollups_1d", bucketMs: DAY_MS, rowMs: DAY_MS },
] as const satisfies readonly Level[];

/** A chart from rollups has at least so many buckets, unless the finest has fewer. */
const MIN_BUCKETS = 250;

/** The coarsest level that gives a chart enough, of those that reach back far enough. */
export function levelFor(window: Window, reachBack: (level: Level) => boolean): Level {
  const reaching = levels.filter(reachBack);
  const fine = reaching.filter(({ bucketMs }) => window.to - window.from >= MIN_BUCKETS * bucketMs);
  return fine.at(-1) ?? reaching[0] ?? levels[2];
}

/** Hours and days, by their first slots, whose rollups are built. */
export interface Built {
  hours: ReadonlySet<number>;
  days: ReadonlySet<number>;
}

export interface Cover {
  /** Stretches of whole rows of rollups, none longer than the level that was asked for. */
  rollups: { level: Level; stretches: Window[] }[];
  /** What no rollup tells, in parts of an hour at most: the ends of the window, and what is too young. */
  samples: Window[];
}

/**
 * Each slot of the window once: whole days and hours from rollups up to a level, the rest from samples. Where `level` is
 * the finest, hours are told by that.
 */
export function coverWindow(window: Window, level: Level, built: Built): Cover {
  const [fine, hourly, daily] = levels;
  const ofHours = level === fine ? fine : hourly;
  const stretches = new Map<Level, Window[]>([
    [ofHours, []],
    [daily, []],
  ]);
  const samples: Window[] = [];
  for (let at = window.from; at < window.to;) {
    if (level === daily && at % DAY_MS === 0 && at + DAY_MS <= window.to && built.days.has(at)) {
      append(stretches.get(daily), at, at + DAY_MS);
      at += DAY_MS;
      continue;
    }
    const end = Math.min(hourOf(at) + HOUR_MS, window.to);
    const isWhole = at % HOUR_MS === 0 && end - at === HOUR_MS;
    if (isWhole && built.hours.has(at)) append(stretches.get(ofHours), at, end);
    else samples.push({ from: at, to: end });
    at = end;
  }
  return {
    rollups: [...stretches].map(([of, found]) => ({ level: of, stretches: found })),
    samples,
  };
}

function append(stretches: Window[] | undefined, from: number, to: number): void {
  const last = stretches?.at(-1);
  if (last?.to === from) last.to = to;
  else stretches?.push({ from, to });
}
