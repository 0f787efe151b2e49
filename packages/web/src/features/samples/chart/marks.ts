// What the chart draws besides its line: losses, our own errors, gaps and thresholds. All sizes in canvas pixels.
import type uPlot from "uplot";
import type { Thresholds } from "@nightbell/contract";
import { formatRtt } from "../../../format/measures.js";
import { isPoint, type Columns, type Gap } from "./columns.js";
import { hatch, type Colours } from "./colours.js";

/** Two lanes below the plot, one for what the target missed, one for what we failed to measure. CSS pixels. */
const LANE_HEIGHT = 7;
const LANE_GAP = 5;
const LANES_TOP = 8;
export const LANES_HEIGHT = LANES_TOP + 2 * LANE_HEIGHT + LANE_GAP;
/** A mark is never thinner than this, however many slots a pixel holds. */
const MIN_MARK_WIDTH = 2;

interface Scene {
  columns: Columns;
  thresholds: Thresholds;
  colours: Colours;
}

/** Behind the line. */
export function drawBackdrop(chart: uPlot, { columns, colours, thresholds }: Scene): void {
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  const column = (fromMs: number, toMs: number) => {
    const [left, width] = extent(chart, fromMs, toMs);
    ctx.fillRect(left, bbox.top, width, bbox.height);
  };
  const stripes = hatch(colours.fault, devicePixelRatio);
  for (const point of columns.cells.filter(isPoint)) {
    if (point.missedCount > 0) {
      ctx.globalAlpha = 0.03 + 0.2 * (point.missedCount / point.sampleCount);
      ctx.fillStyle = colours.missed;
      column(point.fromMs, point.toMs);
    }
    if (point.systemErrorCount > 0) {
      ctx.globalAlpha = 0.06 + 0.3 * (point.systemErrorCount / point.sampleCount);
      ctx.fillStyle = stripes;
      column(point.fromMs, point.toMs);
    }
  }
  ctx.globalAlpha = 1;
  drawThresholds(chart, thresholds, colours);
  ctx.restore();
}

/** In the margin below the plot. */
export function drawLanes(chart: uPlot, { columns, colours }: Scene): void {
  const { ctx, bbox } = chart;
  const ratio = devicePixelRatio;
  const top = bbox.top + bbox.height + LANES_TOP * ratio;
  const height = LANE_HEIGHT * ratio;
  const second = top + height + LANE_GAP * ratio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, top, bbox.width, second + height - top);
  ctx.clip();
  ctx.fillStyle = colours.line;
  ctx.globalAlpha = 0.6;
  ctx.fillRect(bbox.left, top, bbox.width, height);
  ctx.fillRect(bbox.left, second, bbox.width, height);
  ctx.globalAlpha = 1;
  for (const cell of columns.cells) if (!isPoint(cell)) drawGap(chart, cell, top, second + height, colours);
  const stripes = hatch(colours.fault, ratio);
  for (const point of columns.cells.filter(isPoint)) {
    const [left, width] = extent(chart, point.fromMs, point.toMs);
    if (point.missedCount > 0) {
      ctx.fillStyle = colours.missed;
      ctx.fillRect(left, top, width, height);
    }
    if (point.systemErrorCount > 0) {
      ctx.fillStyle = colours.fault;
      ctx.globalAlpha = 0.35;
      ctx.fillRect(left, second, width, height);
      ctx.globalAlpha = 1;
      ctx.fillStyle = stripes;
      ctx.fillRect(left, second, width, height);
    }
  }
  ctx.restore();
  ctx.save();
  ctx.fillStyle = colours.faint;
  ctx.font = `${10 * ratio}px "Geist Variable", sans-serif`;
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  ctx.fillText("missed", bbox.left - 8 * ratio, top + height / 2);
  ctx.fillText("errors", bbox.left - 8 * ratio, second + height / 2);
  ctx.restore();
}

/** Nothing was probed: the lanes end, and a dotted line says that this is meant. */
function drawGap(chart: uPlot, gap: Gap, top: number, bottom: number, colours: Colours): void {
  const { ctx } = chart;
  const ratio = devicePixelRatio;
  const [left, width] = extent(chart, gap.fromMs, gap.toMs);
  ctx.clearRect(left, top, width, bottom - top);
  ctx.save();
  ctx.strokeStyle = colours.faint;
  ctx.lineWidth = 1.5 * ratio;
  ctx.setLineDash([1.5 * ratio, 3.5 * ratio]);
  ctx.beginPath();
  ctx.moveTo(left + 2 * ratio, (top + bottom) / 2);
  ctx.lineTo(left + width - 2 * ratio, (top + bottom) / 2);
  ctx.stroke();
  ctx.restore();
}

function drawThresholds(chart: uPlot, thresholds: Thresholds, colours: Colours): void {
  const { ctx, bbox } = chart;
  const ratio = devicePixelRatio;
  const line = (limitMs: number | null, name: string, colour: string) => {
    if (limitMs === null) return;
    const y = Math.round(chart.valToPos(limitMs, "y", true));
    if (y < bbox.top || y > bbox.top + bbox.height) return;
    ctx.strokeStyle = colour;
    ctx.lineWidth = ratio;
    ctx.setLineDash([5 * ratio, 4 * ratio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.setLineDash([]);
    ctx.font = `500 ${11 * ratio}px "Geist Variable", sans-serif`;
    ctx.textAlign = "right";
    ctx.textBaseline = "bottom";
    const text = `${name} ${formatRtt(limitMs)}`;
    const right = bbox.left + bbox.width - 4 * ratio;
    const { width } = ctx.measureText(text);
    ctx.fillStyle = colours.surface;
    ctx.fillRect(right - width - 4 * ratio, y - 18 * ratio, width + 8 * ratio, 16 * ratio);
    ctx.fillStyle = colour;
    ctx.fillText(text, right, y - 4 * ratio);
  };
  line(thresholds.warningRttMs, "Warning", colours.warn);
  line(thresholds.criticalRttMs, "Critical", colours.missed);
}

function extent(chart: uPlot, fromMs: number, toMs: number): [left: number, width: number] {
  const left = Math.round(chart.valToPos(fromMs / 1_000, "x", true));
  const right = Math.round(chart.valToPos(toMs / 1_000, "x", true));
  const thinnest = MIN_MARK_WIDTH * devicePixelRatio;
  const width = Math.max(right - left, thinnest);
  return [left, width];
}
