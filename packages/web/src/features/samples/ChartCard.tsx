// The chart with its window: presets, a custom range, zooming, and following what comes in live.
import type { Job } from "@nightbell/contract";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { CatchBoundary } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useMemo } from "react";
import type { StreamState } from "../../api/stream.js";
import { serverNow } from "../../api/serverClock.js";
import { formatInstant } from "../../format/times.js";
import { Button } from "../../ui/Button.js";
import { Card } from "../../ui/Card.js";
import { Segmented } from "../../ui/Segmented.js";
import { Bone, ErrorState, Notice } from "../../ui/states.js";
import { ChartLegend } from "./ChartLegend.js";
import { CustomRange } from "./CustomRange.js";
import { seriesQuery } from "./queries.js";
import { isCustom, presets, toSearch, type Preset, type RangeSearch, type Window } from "./range.js";
import { isPiledUp, mergeLive, silentUntil, type LiveSample } from "./series.js";
import type { ChartWindow } from "./useChartWindow.js";

const RttChart = lazy(async () => ({ default: (await import("./chart/RttChart.js")).RttChart }));

const presetOptions = Object.entries(presets).map(([value, { label }]) => ({
  value: value as Preset,
  label,
}));
/** A zoom into less than this shows nothing that a probe could tell. */
const SHORTEST_ZOOM_MS = 1_000;

export function ChartCard({
  job,
  chartWindow,
  live,
  isUpToDate,
  streamState,
  timeZone,
  onRange,
}: {
  job: Job;
  chartWindow: ChartWindow;
  live: readonly LiveSample[];
  /** What was measured is here; else the time after the newest sample is no gap, but not known yet. */
  isUpToDate: boolean;
  streamState: StreamState;
  timeZone: string;
  onRange: (search: RangeSearch) => void;
}) {
  const { search, preset, key, window, isFollowing, refreshMs } = chartWindow;
  const series = useQuery({
    ...seriesQuery(job.id, key, chartWindow.read),
    refetchInterval: isFollowing ? refreshMs : false,
    placeholderData: keepPreviousData,
    staleTime: isFollowing ? 0 : 30_000,
  });
  const { refetch } = series;
  const isOverdue = isFollowing && series.data !== undefined && isPiledUp(series.data, live);
  useEffect(() => {
    if (isOverdue) void refetch();
  }, [isOverdue, refetch]);
  const points = useMemo(() => {
    if (series.data === undefined) return [];
    return isFollowing ? mergeLive(series.data, live, job.cadenceSeconds * 1_000) : series.data.points;
  }, [series.data, live, isFollowing, job.cadenceSeconds]);
  const shown = useMemo(() => points.filter((point) => point.toMs > window.fromMs), [points, window.fromMs]);

  const silentUntilMs = isUpToDate ? silentUntil(job, points, Math.min(window.toMs, serverNow())) : null;
  const isShortened =
    series.data !== undefined &&
    !series.isPlaceholderData &&
    series.data.fromMs - window.fromMs > (window.toMs - window.fromMs) / 20;

  const zoom = (next: Window) => {
    const middle = (next.fromMs + next.toMs) / 2;
    const half = Math.max(next.toMs - next.fromMs, SHORTEST_ZOOM_MS) / 2;
    onRange(toSearch({ fromMs: Math.round(middle - half), toMs: Math.round(middle + half) }));
  };
  const reset = () => isCustom(search) && onRange({});
  return (
    <Card
      title="Round-trip time"
      note={
        chartWindow.beginsWithJob &&
        job.startedAt !== null && <>since the job started, {formatInstant(job.startedAt, timeZone)}</>
      }
      aside={
        <div className="flex max-w-full min-w-0 flex-wrap items-center gap-2">
          {isCustom(search) && (
            <Button size="sm" icon={chartWindow.hasEnded ? "reset" : "signal"} onClick={reset}>
              {chartWindow.hasEnded ? "Whole job" : "Back to live"}
            </Button>
          )}
          <Segmented
            label="Time range"
            options={presetOptions}
            value={isCustom(search) ? null : preset}
            onChange={(range) => onRange({ range })}
          />
          <CustomRange window={window} timeZone={timeZone} isOn={isCustom(search)} onChange={zoom} />
        </div>
      }
    >
      <div className="p-3 sm:p-5">
        {series.error !== null && series.data === undefined ? (
          <ErrorState error={series.error} onRetry={() => void series.refetch()} />
        ) : series.data === undefined ? (
          <ChartBones />
        ) : (
          <div className={`transition-opacity ${series.isPlaceholderData ? "opacity-60" : ""}`}>
            <CatchBoundary getResetKey={() => job.id} errorComponent={ChartFailure}>
              <Suspense fallback={<ChartBones />}>
                <RttChart
                  points={shown}
                  silentUntilMs={silentUntilMs}
                  window={window}
                  thresholds={job.thresholds}
                  timeZone={timeZone}
                  isFollowing={isFollowing && streamState === "live" && isUpToDate}
                  onZoom={zoom}
                  onReset={reset}
                />
              </Suspense>
            </CatchBoundary>
          </div>
        )}
        {isShortened && series.data !== undefined && (
          <p role="status" className="mt-2 text-sm text-soft">
            More than one reading holds: shown from {formatInstant(series.data.fromMs, timeZone)} on. Choose a
            shorter range for what came before.
          </p>
        )}
        <ChartLegend />
      </div>
    </Card>
  );
}

/** The numbers beside it and the samples below need no chart. */
function ChartFailure() {
  return (
    <Notice tone="fault" title="The chart could not be drawn">
      The figures and the samples on this page hold without it. Reload the page to try again.
    </Notice>
  );
}

function ChartBones() {
  return (
    <div role="status" aria-label="Loading the chart">
      <div className="h-9">
        <Bone className="h-4 w-56 max-w-full" />
      </div>
      <Bone className="h-64 rounded-md opacity-40 sm:h-84" />
    </div>
  );
}
