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
  /** Of the date, in the name of a partition: it is of a day, a month or a year. */
  readonly partitionDigits: number;
}

/** Finest first. */
export const levels = [
  { resolution: "5m", table: "rollups_5m", bucketMs: 300_000, rowMs: HOUR_MS, partitionDigits: 8 },
  { resolution: "1h", table: "rollups_1h", bucketMs: HOUR_MS, rowMs: HOUR_MS, partitionDigits: 6 },
  { resolution: "1d", table: "rollups_1d", bucketMs: DAY_MS, rowMs: DAY_MS, partitionDigits: 4 },
] as const satisfies readonly Level[];

/** The partition that the rollups of a time go to: `rollups_1h_202611` is that of November 2026. */
export function partitionOf({ table, partitionDigits }: Level, time: number): string {
  const digits = new Date(time).toISOString().slice(0, 10).replaceAll("-", "");
  return `${table}_${digits.slice(0, partitionDigits)}`;
}

/** A chart from rollups has at least so many buckets, unless the finest has fewer. */
const MIN_BUCKETS = 250;

/** Whether rollups give a chart of a window enough buckets. */
export function hasFineEnough({ from, to }: Window): boolean {
  return to - from >= MIN_BUCKETS * levels[0].bucketMs;
}

/** The coarsest level that gives a chart enough, of those that reach back far enough. */
export function levelFor(window: Window, reachBack: (level: Level) => boolean): Level {
  const reaching = levels.filter(reachBack);
  const fine = reaching.filter(({ bucketMs }) => window.to - window.from >= MIN_BUCKETS * bucketMs);
  return fine.at(-1) ?? reaching[0] ?? levels[2];
}

/** What there is of rollups. */
export interface Built {
  /** By their first slots. An hour that is built has its rows of 5 minutes and of the hour, unless they were dropped since. */
  hours: ReadonlySet<number>;
  days: ReadonlySet<number>;
  /** Whether a level has not dropped what it held of a time. */
  reaches: (level: Level, time: number) => boolean;
}

export interface Cover {
  /** Stretches of whole buckets, none longer than the level that was asked for. */
  rollups: { level: Level; stretches: Window[] }[];
  /** What no rollup tells, in parts of an hour at most: the ends of the window, and what is too young. */
  samples: Window[];
}

/**
 * Each slot of the window once, from as few rows as possible: of days, hours and 5 minutes, none of them coarser than
 * `level`, and at the ends of the window, and where nothing is built, from samples.
 */
export function coverWindow(window: Window, level: Level, built: Built): Cover {
  const [fine] = levels;
  const coarsestFirst = levels.filter(({ bucketMs }) => bucketMs <= level.bucketMs).toReversed();
  const rollups = coarsestFirst.map((of) => ({ level: of, stretches: [] as Window[] }));
  const samples: Window[] = [];
  for (let at = window.from; at < window.to;) {
    const found = rollups.find(
      ({ level: { bucketMs }, level: of }) =>
        at % bucketMs === 0 && at + bucketMs <= window.to && isBuilt(of, at, built),
    );
    if (found === undefined) {
      const unit = isBuilt(fine, at, built) ? fine.bucketMs : HOUR_MS;
      const end = Math.min(at - (at % unit) + unit, window.to);
      samples.push({ from: at, to: end });
      at = end;
    } else {
      append(found.stretches, at, at + found.level.bucketMs);
      at += found.level.bucketMs;
    }
  }
  return { rollups, samples };
}

function isBuilt(level: Level, time: number, { hours, days, reaches }: Built): boolean {
  const isThere = level.rowMs === DAY_MS ? days.has(time - (time % DAY_MS)) : hours.has(hourOf(time));
  return isThere && reaches(level, time);
}

function append(stretches: Window[], from: number, to: number): void {
  const last = stretches.at(-1);
  if (last?.to === from) last.to = to;
  else stretches.push({ from, to });
}
