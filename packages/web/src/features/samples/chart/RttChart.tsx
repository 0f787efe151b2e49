import type { Thresholds } from "@nightbell/contract";
import { useEffect, useEffectEvent, useMemo, useRef, useState } from "react";
import type uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useColourScheme } from "../../../app/theme.js";
import type { Window } from "../range.js";
import type { Point } from "../series.js";
import { readColours } from "./colours.js";
import { columnsOf, describeChart } from "./columns.js";
import { createPlot, dataOf, type Scene } from "./plot.js";
import { Reading } from "./Reading.js";
import { useTouchReading } from "./useTouchReading.js";

interface Props {
  points: readonly Point[];
  /** The end of the gap after the newest sample; null while its successor may still come. */
  silentUntilMs: number | null;
  window: Window;
  thresholds: Thresholds;
  timeZone: string;
  /** Where the newest samples are still coming in. */
  isFollowing: boolean;
  onZoom: (window: Window) => void;
  onReset: () => void;
}

/** Round trips over time. Drag to zoom, double-click or Escape to go back, arrows or a finger to read. */
export function RttChart(props: Props) {
  const { points, silentUntilMs, window, thresholds, timeZone, isFollowing, onZoom, onReset } = props;
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const scheme = useColourScheme();
  const columns = useMemo(() => columnsOf(points, silentUntilMs), [points, silentUntilMs]);
  const [readIndex, setReadIndex] = useState<number | null>(null);
  const [isByKey, setIsByKey] = useState(false);

  const scene = useRef<Scene | null>(null);
  const colours = useMemo(() => ({ scheme, ...readColours() }), [scheme]);
  scene.current = { columns, window, thresholds, timeZone, colours };
  const onRead = useEffectEvent((index: number | null) => setReadIndex(index));
  const zoom = useEffectEvent(onZoom);
  const reset = useEffectEvent(onReset);

  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const sizeOf = () => ({ width: element.clientWidth, height: element.clientHeight });
    const made = createPlot(element, sizeOf(), () => scene.current as Scene, {
      onRead: (index) => onRead(index),
      onZoom: (window) => zoom(window),
      onReset: () => reset(),
    });
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize(sizeOf()));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, []);

  useEffect(() => {
    plot.current?.setData(dataOf(columns), true);
  }, [columns, window.fromMs, window.toMs]);
  useEffect(() => plot.current?.redraw(false, true), [colours, thresholds, timeZone]);

  useTouchReading(plot);
  const move = (by: number) => {
    const chart = plot.current;
    if (chart === null || columns.x.length === 0) return;
    setIsByKey(true);
    const next = Math.min(Math.max((readIndex ?? columns.x.length) + by, 0), columns.x.length - 1);
    chart.setCursor({ left: chart.valToPos(columns.x[next] ?? 0, "x"), top: 0 });
  };

  const summary = describeChart(columns);
  const read = readIndex === null ? null : (columns.cells[readIndex] ?? null);
  return (
    <div>
      <Reading
        cell={read ?? columns.cells.at(-1) ?? null}
        isLatest={read === null}
        isFollowing={isFollowing}
        isSpoken={isByKey}
        timeZone={timeZone}
      />
      <div
        ref={host}
        // The picture is one thing to a screen reader, with a summary, but its points can be read one by one.
        role="application"
        aria-roledescription="chart"
        aria-label={`Round-trip times. ${summary} Arrow keys read single points.`}
        tabIndex={0}
        onKeyDown={(event) => {
          if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
            event.preventDefault();
            move((event.key === "ArrowLeft" ? -1 : 1) * (event.shiftKey ? 10 : 1));
          }
          if (event.key === "Escape") onReset();
        }}
        onBlur={() => {
          setIsByKey(false);
          plot.current?.setCursor({ left: -10, top: -10 });
        }}
        className="h-64 touch-pan-y rounded-md sm:h-84 [&_.u-cursor-x]:border-soft/70! [&_.u-select]:bg-brass/20!"
      />
    </div>
  );
}
