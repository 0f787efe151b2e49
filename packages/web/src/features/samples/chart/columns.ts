// From points to the columns that the chart draws, and to the words that say the same.
import { countOf, formatRtt } from "../../../format/measures.js";
import { successCount, type Point } from "../series.js";

export interface Columns {
  /** Seconds since the epoch, rising. */
  x: number[];
  avg: (number | null)[];
  min: (number | null)[];
  max: (number | null)[];
  /** What stands behind a column. */
  cells: (Point | Gap)[];
}

/** A stretch without any sample. */
export interface Gap {
  fromMs: number;
  toMs: number;
}

/** A hole wider than this many steps is a gap; grids of changed cadences leave smaller ones. */
const GAP_STEPS = 0.6;

/**
 * Lines break where slots have no sample: an empty column stands in the middle of each gap. `silentUntilMs` is the end
 * of the gap after the newest sample; null while its successor may still come.
 */
export function columnsOf(points: readonly Point[], silentUntilMs: number | null = null): Columns {
  const columns: Columns = { x: [], avg: [], min: [], max: [], cells: [] };
  let previous: Point | null = null;
  for (const point of points) {
    if (point.sampleCount === 0) continue;
    if (previous !== null && liesApart(previous, point)) {
      push(columns, { fromMs: previous.toMs, toMs: point.fromMs });
    }
    push(columns, point);
    previous = point;
  }
  if (previous !== null && silentUntilMs !== null && silentUntilMs > previous.toMs) {
    push(columns, { fromMs: previous.toMs, toMs: silentUntilMs });
  }
  return columns;
}

export function isPoint(cell: Point | Gap): cell is Point {
  return "sampleCount" in cell;
}

function liesApart(before: Point, after: Point): boolean {
  const stepMs = Math.min(before.toMs - before.fromMs, after.toMs - after.fromMs);
  return after.fromMs - before.toMs > stepMs * GAP_STEPS;
}

function push(columns: Columns, cell: Point | Gap): void {
  const point = isPoint(cell) ? cell : null;
  columns.x.push((cell.fromMs + cell.toMs) / 2 / 1_000);
  columns.avg.push(point?.avgRttMs ?? null);
  columns.min.push(point?.minRttMs ?? null);
  columns.max.push(point?.maxRttMs ?? null);
  columns.cells.push(cell);
}

/** Columns that no line reaches: an answer alone between gaps, losses or errors. They are drawn as dots. */
export function lonelyColumns(avg: readonly (number | null)[]): number[] {
  return avg.flatMap((value, index) =>
    value !== null && (avg[index - 1] ?? null) === null && (avg[index + 1] ?? null) === null ? [index] : [],
  );
}

/** Limits of the RTT axis: from zero, unless the values lie close together far above it. */
export function rttLimits(low: number, high: number, thresholds: readonly number[]): [number, number] {
  const near = thresholds.filter((limit) => limit <= high * 1.35 && limit >= low * 0.5);
  const top = Math.max(high, ...near);
  const bottom = Math.min(low, ...near);
  const span = Math.max(top - bottom, top * 0.05, 0.001);
  const floor = bottom - span * 0.3;
  return [floor < top * 0.45 ? 0 : floor, top + span * 0.12];
}

/** The chart in one sentence, for those who do not see it. */
export function describeChart({ cells }: Columns): string {
  const points = cells.filter(isPoint);
  const sum = (count: (point: Point) => number) => points.reduce((total, point) => total + count(point), 0);
  const samples = sum((point) => point.sampleCount);
  if (samples === 0) return "No samples in this window.";
  const answered = points.filter((point) => point.avgRttMs !== null);
  const successes = sum(successCount);
  const timed = answered.reduce((total, point) => total + successCount(point), 0);
  const average =
    answered.reduce((total, point) => total + (point.avgRttMs ?? 0) * successCount(point), 0) / timed;
  const lowest = Math.min(...answered.map((point) => point.minRttMs ?? Number.POSITIVE_INFINITY));
  const highest = Math.max(...answered.map((point) => point.maxRttMs ?? 0));
  const parts = [
    countOf(samples, "sample"),
    answered.length === 0
      ? successes === 0
        ? "no answer"
        : `${countOf(successes, "success", "successes")} without a round trip`
      : `round trips from ${formatRtt(lowest)} to ${formatRtt(highest)}, ${formatRtt(average)} on average`,
    `${sum((point) => point.missedCount)} missed`,
    countOf(
      sum((point) => point.systemErrorCount),
      "system error",
    ),
    countOf(cells.length - points.length, "gap"),
  ];
  return `${parts.join("; ")}.`;
}
