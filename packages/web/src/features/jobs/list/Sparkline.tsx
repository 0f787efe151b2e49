import type { JobRecent } from "@nightbell/contract";
import { memo } from "react";
import { countOf } from "../../../format/measures.js";
import { sparkline } from "./sparkline.js";

const SLOT_WIDTH = 4.35;
const HEIGHT = 34;

/** The last 30 slots: a line for answers, solid red marks for losses, split violet ones for our own errors. */
export const Sparkline = memo(function Sparkline({
  points,
  slots = 30,
}: {
  points: JobRecent["points"];
  slots?: number;
}) {
  const width = Math.round(slots * SLOT_WIDTH);
  const spark = sparkline(points, width, HEIGHT, slots);
  return (
    <svg
      viewBox={`0 0 ${width} ${HEIGHT}`}
      width={width}
      height={HEIGHT}
      role="img"
      aria-label={describe(points)}
    >
      {points.every((point) => point === null) && (
        <path d={`M3 ${HEIGHT / 2}H${width - 3}`} strokeDasharray="1 5" className="stroke-edge" />
      )}
      {spark.missed.map((x) => (
        <g key={x} className="fill-missed">
          <rect x={x - 1.25} y={2} width={2.5} height={HEIGHT - 9} opacity={0.16} />
          <rect x={x - 1.25} y={HEIGHT - 6} width={2.5} height={6} rx={0.75} />
        </g>
      ))}
      {spark.faults.map((x) => (
        <g key={x} className="fill-fault">
          <rect x={x - 1.25} y={HEIGHT - 6} width={2.5} height={2.25} rx={0.5} />
          <rect x={x - 1.25} y={HEIGHT - 2.25} width={2.5} height={2.25} rx={0.5} />
        </g>
      ))}
      <path
        d={spark.line}
        fill="none"
        strokeWidth={1.4}
        strokeLinejoin="round"
        strokeLinecap="round"
        className="stroke-signal"
      />
      {spark.dots.map(({ x, y }) => (
        <circle key={x} cx={x} cy={y} r={1.2} className="fill-signal" />
      ))}
      {spark.last !== null && <circle cx={spark.last.x} cy={spark.last.y} r={2} className="fill-signal" />}
    </svg>
  );
});

function describe(points: JobRecent["points"]): string {
  const count = (status: string) => points.filter((point) => point?.status === status).length;
  if (points.every((point) => point === null)) return "No samples yet";
  return [
    `Last ${countOf(points.length, "slot")}: ${countOf(count("success"), "answer")}`,
    ...(count("missed") > 0 ? [`${count("missed")} missed`] : []),
    ...(count("system_error") > 0 ? [countOf(count("system_error"), "system error")] : []),
  ].join(", ");
}
