import type { JobRecent } from "@nightbell/contract";

export interface Spark {
  /** SVG path of the round trips, broken where a slot has none. */
  line: string;
  /** Answers without a neighbour to draw a line to. */
  dots: { x: number; y: number }[];
  missed: number[];
  faults: number[];
  last: { x: number; y: number } | null;
}

/** At the bottom of the picture, for the marks of what has no round trip. */
const LANE = 7;
const MARGIN = 3;

/** Lays the last slots of a job out in a box, newest at the right edge, `slots` of them wide. */
export function sparkline(points: JobRecent["points"], width: number, height: number, slots = 30): Spark {
  const step = (width - 2 * MARGIN) / (slots - 1);
  const xOf = (index: number) => round(width - MARGIN - (points.length - 1 - index) * step);
  const rtts = points.flatMap((point) => (point?.rttMs == null ? [] : [point.rttMs]));
  const low = Math.min(...rtts);
  // A line that only trembles stays near the middle: the picture shows changes of a tenth and more.
  const span = Math.max(Math.max(...rtts) - low, low * 0.1, 1e-6);
  const middle = (Math.max(...rtts) + low) / 2;
  const yOf = (rttMs: number) =>
    round(MARGIN + (height - LANE - 2 * MARGIN) * (0.5 - (rttMs - middle) / span));

  const spark: Spark = { line: "", dots: [], missed: [], faults: [], last: null };
  points.forEach((point, index) => {
    if (point === null) return;
    const x = xOf(index);
    if (point.status === "missed") spark.missed.push(x);
    if (point.status === "system_error") spark.faults.push(x);
    if (!isDrawn(point)) return;
    const y = yOf(point.rttMs);
    const isJoined = isDrawn(points[index - 1]);
    if (!isJoined && !isDrawn(points[index + 1])) spark.dots.push({ x, y });
    spark.line += `${isJoined ? "L" : "M"}${x} ${y}`;
    if (index === points.length - 1) spark.last = { x, y };
  });
  return spark;
}

/** An answer with a round trip; a success may have none. */
function isDrawn<Point extends JobRecent["points"][number]>(
  point: Point | undefined,
): point is Point & { rttMs: number } {
  return point?.status === "success" && point.rttMs !== null;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
