// The uPlot instance of the RTT chart: a min–max band, the average line, and the marks around them.
import type { Thresholds } from "@nightbell/contract";
import uPlot from "uplot";
import type { Window } from "../range.js";
import type { Colours } from "./colours.js";
import { lonelyColumns, rttLimits, type Columns } from "./columns.js";
import { drawBackdrop, drawLanes, LANES_HEIGHT } from "./marks.js";
import { rttTicks, timeTick } from "./ticks.js";

export interface Scene {
  columns: Columns;
  window: Window;
  thresholds: Thresholds;
  colours: Colours;
  timeZone: string;
}

interface Callbacks {
  /** The column under the cursor, or null when it left. */
  onRead: (index: number | null) => void;
  onZoom: (window: Window) => void;
  onReset: () => void;
}

/** A drag shorter than this is a click, in CSS pixels. */
const MIN_DRAG = 8;
/** With fewer columns than one per this many pixels each answer also gets a dot. */
const DOT_SPACE = 14;
/** CSS pixels; below it the labels of the time axis stand as close as they can be told apart. */
const NARROW = 480;
const RIGHT_PADDING = 12;
/** Of a character of the axes' font. */
const CHARACTER_WIDTH = 6;
const FONT = '11px "Geist Variable", sans-serif';

/** Makes the chart. `scene` is asked at every drawing, so new samples need no new chart. */
export function createPlot(host: HTMLElement, size: Size, scene: () => Scene, on: Callbacks): uPlot {
  const axis = {
    stroke: () => scene().colours.faint,
    font: FONT,
    ticks: { show: false },
    grid: { stroke: () => scene().colours.line, width: 1 },
  };
  const edge: uPlot.Series = { stroke: "transparent", width: 0, points: { show: false } };
  const options: uPlot.Options = {
    ...size,
    legend: { show: false },
    padding: [12, RIGHT_PADDING, 0, 0],
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1_000), scene().timeZone),
    scales: {
      x: { time: true, range: () => [scene().window.fromMs / 1_000, scene().window.toMs / 1_000] },
      y: { range: (_chart, low, high) => limits(low, high, scene().thresholds) },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        gap: LANES_HEIGHT + 6,
        size: LANES_HEIGHT + 26,
        space: (chart) => (chart.width < NARROW ? 52 : 84),
        values: (chart, splits, _axis, _space, step) =>
          splits.map((seconds) => {
            const label = timeTick(seconds * 1_000, step, scene().timeZone);
            return fitsInside(chart, seconds, label) ? label : null;
          }),
      },
      {
        ...axis,
        size: 62,
        gap: 8,
        space: 46,
        values: (_chart, splits, _axis, _space, step) =>
          hasAnswer(scene().columns) ? rttTicks(splits, step) : splits.map(() => null),
      },
    ],
    series: [
      {},
      edge,
      edge,
      {
        stroke: () => scene().colours.signal,
        width: 1.6,
        points: {
          show: true,
          size: 5,
          stroke: () => scene().colours.signal,
          fill: () => scene().colours.signal,
          filter: (chart) => dotted(chart, scene().columns),
        },
      },
    ],
    bands: [{ series: [2, 1], fill: () => translucent(scene().colours.signal) }],
    cursor: {
      y: false,
      drag: { x: true, y: false, setScale: false, dist: MIN_DRAG },
      points: {
        size: 8,
        width: 2,
        stroke: () => scene().colours.surface,
        fill: () => scene().colours.signal,
      },
      bind: {
        dblclick: () => () => {
          on.onReset();
          return null;
        },
      },
    },
    hooks: {
      drawAxes: [(chart) => drawBackdrop(chart, scene())],
      draw: [(chart) => drawLanes(chart, scene())],
      setCursor: [(chart) => on.onRead((chart.cursor.left ?? -1) < 0 ? null : (chart.cursor.idx ?? null))],
      setSelect: [
        (chart) => {
          const { left, width } = chart.select;
          if (width < MIN_DRAG) return;
          const toMs = (position: number) => Math.round(chart.posToVal(position, "x") * 1_000);
          chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          on.onZoom({ fromMs: toMs(left), toMs: toMs(left + width) });
        },
      ],
    },
  };
  return new uPlot(options, dataOf(scene().columns), host);
}

export interface Size {
  width: number;
  height: number;
}

export function dataOf({ x, min, max, avg }: Columns): uPlot.AlignedData {
  return [x, min, max, avg];
}

function hasAnswer({ avg }: Columns): boolean {
  return avg.some((value) => value !== null);
}

function limits(low: number | null, high: number | null, thresholds: Thresholds): [number, number] {
  const lines = [thresholds.warningRttMs, thresholds.criticalRttMs].filter((limit) => limit !== null);
  return low === null || high === null ? [0, Math.max(1, ...lines)] : rttLimits(low, high, lines);
}

function dotted(chart: uPlot, { avg, x }: Columns): number[] | null {
  const lonely = lonelyColumns(avg);
  const [first = 0, last = 0] = [x[0], x.at(-1)];
  const spanPixels = chart.valToPos(last, "x") - chart.valToPos(first, "x");
  const isSparse = x.length > 1 && spanPixels / x.length > DOT_SPACE;
  return isSparse ? avg.flatMap((value, index) => (value === null ? [] : [index])) : lonely;
}

/** A label whose middle lies too near to the right edge would be cut off there. */
function fitsInside(chart: uPlot, seconds: number, label: string): boolean {
  const right = chart.valToPos(seconds, "x") + (label.length * CHARACTER_WIDTH) / 2;
  return right <= chart.over.clientWidth + RIGHT_PADDING;
}

function translucent(colour: string): string {
  return `color-mix(in oklab, ${colour} 20%, transparent)`;
}
