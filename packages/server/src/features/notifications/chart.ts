// The chart of an email: bars of round-trip times, and below them what was lost. A picture, since mail clients draw
// neither SVG nor scripts; without a background and in colours of middling brightness, since they may be light or dark.
import type { SeriesPoint } from "@nightbell/contract";
import { Canvas, type Colour } from "./png.js";

/** Pixels of the picture; shown at half of that, it is sharp on dense screens. */
const WIDTH = 1_120;
const RTT_HEIGHT = 200;
const GAP = 12;
const LOSS_HEIGHT = 36;
const HEIGHT = RTT_HEIGHT + GAP + LOSS_HEIGHT;
const BAR_GAP = 4;
/** So that the least and a loss of one among many are still seen. */
const LEAST_BAR = 3;

const AVERAGE: Colour = [59, 130, 246, 255];
const P95: Colour = [59, 130, 246, 110];
const LOST: Colour = [229, 72, 77, 255];
const UNKNOWN: Colour = [138, 143, 152, 170];
const BASE: Colour = [138, 143, 152, 110];

export const chartSize = { width: WIDTH / 2, height: HEIGHT / 2 };

/** The RTT of the tallest bar; null when nothing answered. */
export function topOfChart(points: readonly SeriesPoint[]): number | null {
  const highest = Math.max(...points.map((point) => point.p95RttMs ?? 0), 0);
  return highest > 0 ? highest : null;
}

/** A bar for each point: its average RTT, lighter up to its 95th percentile; below it lost in red, not known in grey. */
export function drawChart(points: readonly SeriesPoint[]): Buffer {
  const canvas = new Canvas(WIDTH, HEIGHT);
  const top = topOfChart(points) ?? 1;
  const heightOf = (rttMs: number) => Math.max(LEAST_BAR, Math.round((rttMs / top) * RTT_HEIGHT));
  canvas.fill(0, RTT_HEIGHT, WIDTH, 1, BASE);
  for (const [index, point] of points.entries()) {
    const left = Math.round((index * WIDTH) / points.length);
    const width = Math.max(1, Math.round(((index + 1) * WIDTH) / points.length) - left - BAR_GAP);
    for (const [rttMs, colour] of [
      [point.p95RttMs, P95],
      [point.avgRttMs, AVERAGE],
    ] as const) {
      if (rttMs === null) continue;
      const height = heightOf(rttMs);
      canvas.fill(left, RTT_HEIGHT - height, width, height, colour);
    }
    const lost = shareHeight(point.missedCount, point.expectedCount);
    const unknown = shareHeight(
      point.expectedCount - point.sampleCount + point.systemErrorCount,
      point.expectedCount,
    );
    canvas.fill(left, RTT_HEIGHT + GAP, width, lost, LOST);
    canvas.fill(left, RTT_HEIGHT + GAP + lost, width, Math.min(unknown, LOSS_HEIGHT - lost), UNKNOWN);
  }
  return canvas.toPng();
}

function shareHeight(count: number, of: number): number {
  return count === 0 || of === 0 ? 0 : Math.max(LEAST_BAR, Math.round((count / of) * LOSS_HEIGHT));
}
