import { countOf, formatPercent, formatRtt } from "../../../format/measures.js";
import { formatClock, formatInstant } from "../../../format/times.js";
import { successCount, type Point } from "../series.js";
import { isPoint, type Gap } from "./columns.js";

/** What the chart says at one point: under the cursor, or the newest. It has a fixed place, so nothing jumps. */
export function Reading({
  cell,
  isLatest,
  isFollowing,
  isSpoken,
  timeZone,
}: {
  cell: Point | Gap | null;
  isLatest: boolean;
  isFollowing: boolean;
  isSpoken: boolean;
  timeZone: string;
}) {
  return (
    <div
      aria-live={isSpoken ? "polite" : "off"}
      className="flex min-h-9 flex-wrap items-baseline gap-x-5 gap-y-0.5 text-sm"
    >
      {cell === null ? (
        <span className="text-faint">No samples in this window</span>
      ) : !isPoint(cell) ? (
        <>
          <span className="num text-soft">
            {isLatest ? `Since ${formatClock(cell.fromMs, timeZone)}` : timeOf(cell, timeZone)}
          </span>
          <span className="text-lg font-medium text-soft">Not probed</span>
        </>
      ) : (
        <PointReading point={cell} isLatest={isLatest} isFollowing={isFollowing} timeZone={timeZone} />
      )}
    </div>
  );
}

function PointReading({
  point,
  isLatest,
  isFollowing,
  timeZone,
}: {
  point: Point;
  isLatest: boolean;
  isFollowing: boolean;
  timeZone: string;
}) {
  return (
    <>
      <span className="num text-soft">
        {isLatest && <span className="font-sans text-faint">{isFollowing ? "Now " : "Last "}</span>}
        {timeOf(point, timeZone)}
      </span>
      <span className="num text-lg font-medium">{formatRtt(point.avgRttMs)}</span>
      {successCount(point) > 1 && point.minRttMs !== null && (
        <span className="num text-soft">
          {formatRtt(point.minRttMs)} … {formatRtt(point.maxRttMs)}
        </span>
      )}
      <span className="flex flex-wrap gap-x-4">{outcomesOf(point)}</span>
    </>
  );
}

function timeOf(point: Point | Gap, timeZone: string): string {
  if (isPoint(point) && point.sampleCount <= 1) return formatClock(point.fromMs, timeZone);
  const isLong = point.toMs - point.fromMs >= 60_000;
  const from = isLong ? formatInstant(point.fromMs, timeZone) : formatClock(point.fromMs, timeZone);
  return `${from} – ${formatClock(point.toMs, timeZone)}`;
}

function outcomesOf(point: Point) {
  const { sampleCount, missedCount, systemErrorCount, expectedCount } = point;
  if (sampleCount === 1 && missedCount === 1) return <span className="font-medium text-missed">Missed</span>;
  if (sampleCount === 1 && systemErrorCount === 1) {
    return <span className="font-medium text-fault">System error</span>;
  }
  // A success may have no round trip.
  if (sampleCount === 1 && point.avgRttMs === null) {
    return <span className="font-medium text-good">Success</span>;
  }
  const judged = sampleCount - systemErrorCount;
  return (
    <>
      {sampleCount > 1 && <span className="text-faint">{countOf(sampleCount, "sample")}</span>}
      {missedCount > 0 && (
        <span className="font-medium text-missed">
          {missedCount} missed ({formatPercent((100 * missedCount) / judged)})
        </span>
      )}
      {systemErrorCount > 0 && (
        <span className="font-medium text-fault">{countOf(systemErrorCount, "system error")}</span>
      )}
      {expectedCount > sampleCount && (
        <span className="text-faint">{countOf(expectedCount - sampleCount, "slot")} not probed</span>
      )}
    </>
  );
}
