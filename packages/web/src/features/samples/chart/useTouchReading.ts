import { useEffect, type RefObject } from "react";
import type uPlot from "uplot";

/** A finger on the chart reads the point below it; up and down still scrolls the page. */
export function useTouchReading(plot: RefObject<uPlot | null>): void {
  useEffect(() => {
    const chart = plot.current;
    if (chart === null) return;
    const read = (event: PointerEvent) => {
      if (event.pointerType !== "touch") return;
      const { left } = chart.over.getBoundingClientRect();
      chart.setCursor({ left: event.clientX - left, top: 0 });
    };
    chart.over.addEventListener("pointerdown", read);
    chart.over.addEventListener("pointermove", read);
    return () => {
      chart.over.removeEventListener("pointerdown", read);
      chart.over.removeEventListener("pointermove", read);
    };
  }, [plot]);
}
