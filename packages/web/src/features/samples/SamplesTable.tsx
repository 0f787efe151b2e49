import type { Sample } from "@nightbell/contract";
import { useInfiniteQuery } from "@tanstack/react-query";
import { memo, useEffect, useMemo, useState } from "react";
import { formatRtt, NO_VALUE } from "../../format/measures.js";
import { formatClock, formatDay, formatInstant } from "../../format/times.js";
import { Button } from "../../ui/Button.js";
import { Card } from "../../ui/Card.js";
import { Icon } from "../../ui/Icon.js";
import { Bone, ErrorState } from "../../ui/states.js";
import { SampleLabel } from "../jobs/StatusLabel.js";
import { PhaseBar } from "./PhaseBar.js";
import { samplesQuery } from "./queries.js";
import { keyOf, rowsOf } from "./rows.js";
import type { LiveSample } from "./series.js";

/** When so many rows piled up above the pages, these are read anew. */
const MAX_LIVE_ROWS = 300;

const GRID = "grid grid-cols-[6.5rem_minmax(0,1fr)_5.5rem] items-center gap-x-3";
const ONE_LOCATION = "sm:grid-cols-[7rem_9rem_6rem_6rem_6rem_minmax(0,1fr)_1.5rem]";
/** The location takes the room of jitter and lateness, which are in the details. */
const MORE_LOCATIONS = "sm:grid-cols-[7rem_7rem_8rem_5rem_minmax(0,1fr)_1.5rem]";

interface Column {
  name: string;
  isNumber?: boolean;
  isSilent?: boolean;
}

function columnsOf(hasLocations: boolean): Column[] {
  const minor = [
    { name: "Jitter", isNumber: true },
    { name: "Late by", isNumber: true },
  ];
  return [
    { name: "Time" },
    ...(hasLocations ? [{ name: "Location" }] : []),
    { name: "Status" },
    { name: "RTT", isNumber: true },
    ...(hasLocations ? [] : minor),
    { name: "Error", isSilent: true },
    { name: "Details", isSilent: true },
  ];
}

/** Newest first; live ones arrive on top. A row opens to its phases and numbers. */
export function SamplesTable({
  jobId,
  hasLocations,
  live,
  timeZone,
}: {
  jobId: string;
  /** The job has more than one, so that a row must say which it is of. */
  hasLocations: boolean;
  live: readonly LiveSample[];
  timeZone: string;
}) {
  const samples = useInfiniteQuery(samplesQuery(jobId));
  const [openKey, setOpenKey] = useState<string | null>(null);
  const { refetch, hasNextPage } = samples;
  const rows = useMemo(() => {
    const fetched = samples.data?.pages.flatMap((page) => page.data) ?? [];
    // What is open, or on no page to come, stays.
    const mayGo = openKey === null && hasNextPage;
    return rowsOf(fetched, live, mayGo ? fetched.length : Number.POSITIVE_INFINITY);
  }, [samples.data, live, hasNextPage, openKey]);
  const grid = `${GRID} ${hasLocations ? MORE_LOCATIONS : ONE_LOCATION}`;
  const isPiledUp = rows.liveCount > MAX_LIVE_ROWS;
  useEffect(() => {
    if (isPiledUp) void refetch();
  }, [isPiledUp, refetch]);
  return (
    <Card title="Recent samples" className="overflow-hidden max-xl:order-last">
      {samples.error !== null && samples.data === undefined ? (
        <ErrorState error={samples.error} onRetry={() => void samples.refetch()} />
      ) : samples.data === undefined ? (
        <div className="grid gap-3 p-5">
          {[1, 2, 3, 4, 5].map((row) => (
            <Bone key={row} className="h-4" />
          ))}
        </div>
      ) : rows.samples.length === 0 ? (
        <p className="px-5 py-10 text-center text-sm text-soft">
          No samples yet. The first one shows here within one cadence.
        </p>
      ) : (
        <>
          <div role="table" aria-label="Recent samples">
            <div role="row" className={`border-b border-line px-4 py-2 max-sm:hidden sm:px-5 ${grid}`}>
              {columnsOf(hasLocations).map(({ name, isNumber = false, isSilent = false }) => (
                <span key={name} role="columnheader" className={`eyebrow ${isNumber ? "text-right" : ""}`}>
                  <span className={isSilent ? "sr-only" : ""}>{name}</span>
                </span>
              ))}
            </div>
            {rows.samples.map((sample) => {
              const key = keyOf(sample);
              return (
                <SampleRow
                  key={key}
                  sample={sample}
                  grid={grid}
                  hasLocation={hasLocations}
                  timeZone={timeZone}
                  isOpen={openKey === key}
                  onToggle={setOpenKey}
                />
              );
            })}
          </div>
          {samples.hasNextPage && (
            <div className="border-t border-line p-3 text-center">
              <Button
                look="quiet"
                size="sm"
                icon="arrowDown"
                isBusy={samples.isFetchingNextPage}
                onClick={() => void samples.fetchNextPage()}
              >
                Load older samples
              </Button>
            </div>
          )}
        </>
      )}
    </Card>
  );
}

const SampleRow = memo(function SampleRow({
  sample,
  grid,
  hasLocation,
  timeZone,
  isOpen,
  onToggle,
}: {
  sample: Sample;
  grid: string;
  hasLocation: boolean;
  timeZone: string;
  isOpen: boolean;
  onToggle: (key: string | null) => void;
}) {
  const time = formatClock(sample.scheduledAt, timeZone, true);
  return (
    <>
      <div
        role="row"
        className={`relative border-b border-line/60 px-4 py-2 text-sm last:border-b-0 hover:bg-hover sm:px-5 ${grid}`}
      >
        <span role="cell" className="num text-soft">
          {time}
        </span>
        {hasLocation && (
          <span role="cell" className="truncate text-soft max-sm:order-1" title={sample.location}>
            {sample.location}
          </span>
        )}
        <span role="cell" className="flex">
          <SampleLabel status={sample.status} />
        </span>
        <span role="cell" className="num text-right">
          {formatRtt(sample.rttMs)}
        </span>
        {!hasLocation && (
          <>
            <span role="cell" className="num text-right text-soft max-sm:hidden">
              {formatRtt(sample.jitterMs)}
            </span>
            <span role="cell" className="num text-right text-soft max-sm:hidden">
              {formatRtt(sample.latenessMs)}
            </span>
          </>
        )}
        <span
          role="cell"
          className={`truncate text-soft max-sm:order-1 ${hasLocation ? "max-sm:col-span-2" : "max-sm:col-span-3"} ${sample.error === null ? "max-sm:hidden" : ""}`}
          title={sample.error ?? undefined}
        >
          {sample.error}
        </span>
        <span role="cell" className="max-sm:absolute max-sm:inset-0">
          {/* Stretched over the row, which opens wherever it is pressed. */}
          <button
            type="button"
            aria-expanded={isOpen}
            aria-label={`Details of ${time}${hasLocation ? ` at ${sample.location}` : ""}`}
            onClick={() => onToggle(isOpen ? null : keyOf(sample))}
            className="outline-none after:absolute after:inset-0 focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-brass"
          >
            <Icon
              name="chevronDown"
              size={14}
              className={`text-faint transition-transform max-sm:hidden ${isOpen ? "rotate-180" : ""}`}
            />
          </button>
        </span>
      </div>
      {isOpen && <SampleDetail sample={sample} timeZone={timeZone} />}
    </>
  );
});

function SampleDetail({ sample, timeZone }: { sample: Sample; timeZone: string }) {
  const facts = [
    [
      "Scheduled",
      `${formatDay(sample.scheduledAt, timeZone)}, ${formatClock(sample.scheduledAt, timeZone, true)}`,
    ],
    ["Stored", formatInstant(sample.recordedAt, timeZone)],
    ["Late by", formatRtt(sample.latenessMs)],
    ["Jitter", formatRtt(sample.jitterMs)],
    ["Sequence", String(sample.sequenceNumber)],
    ["Location", sample.location],
    ["Error code", sample.errorCode ?? NO_VALUE],
  ] as const;
  return (
    <div role="row" className="border-b border-line/60 bg-sunken/60 px-4 py-4 last:border-b-0 sm:px-5">
      <div role="cell" className="grid gap-5 sm:grid-cols-2">
        <dl className="grid content-start gap-1 text-sm">
          {facts.map(([term, value]) => (
            <div key={term} className="flex justify-between gap-4">
              <dt className="text-faint">{term}</dt>
              <dd className="num truncate">{value}</dd>
            </div>
          ))}
        </dl>
        <div className="grid content-start gap-3">
          {sample.error !== null && <p className="text-sm [overflow-wrap:anywhere]">{sample.error}</p>}
          {sample.phases === null ? (
            <p className="text-sm text-faint">This probe has no phases.</p>
          ) : (
            <PhaseBar phases={sample.phases} />
          )}
        </div>
      </div>
    </div>
  );
}
