import type { Sample } from "@nightbell/contract";
import { useInfiniteQuery } from "@tanstack/react-query";
import { memo, useState } from "react";
import { formatRtt, NO_VALUE } from "../../format/measures.js";
import { formatClock, formatDay, formatInstant } from "../../format/times.js";
import { Button } from "../../ui/Button.js";
import { Card } from "../../ui/Card.js";
import { Icon } from "../../ui/Icon.js";
import { Bone, ErrorState } from "../../ui/states.js";
import { SampleLabel } from "../jobs/StatusLabel.js";
import { PhaseBar } from "./PhaseBar.js";
import { keyOf, samplesQuery } from "./queries.js";

const GRID =
  "grid grid-cols-[6.5rem_minmax(0,1fr)_5.5rem] sm:grid-cols-[7rem_9rem_6rem_6rem_6rem_minmax(0,1fr)_1.5rem] items-center gap-x-3";

/** Newest first; live ones arrive on top. A row opens to its phases and numbers. */
export function SamplesTable({ jobId, timeZone }: { jobId: string; timeZone: string }) {
  const samples = useInfiniteQuery(samplesQuery(jobId));
  const [openKey, setOpenKey] = useState<string | null>(null);
  const rows = samples.data?.pages.flatMap((page) => page.data) ?? [];
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
      ) : rows.length === 0 ? (
        <p className="px-5 py-10 text-center text-sm text-soft">
          No samples yet. The first one shows here within one cadence.
        </p>
      ) : (
        <>
          <div role="table" aria-label="Recent samples">
            <div role="row" className={`border-b border-line px-4 py-2 max-sm:hidden sm:px-5 ${GRID}`}>
              {["Time", "Status", "RTT", "Jitter", "Late by", "", ""].map((name, index) => (
                <span
                  key={index}
                  role="columnheader"
                  className={`eyebrow ${index >= 2 && index <= 4 ? "text-right" : ""}`}
                >
                  {name}
                </span>
              ))}
            </div>
            {rows.map((sample) => {
              const key = keyOf(sample);
              return (
                <SampleRow
                  key={key}
                  sample={sample}
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
  timeZone,
  isOpen,
  onToggle,
}: {
  sample: Sample;
  timeZone: string;
  isOpen: boolean;
  onToggle: (key: string | null) => void;
}) {
  return (
    <div role="row" className="border-b border-line/60 last:border-b-0">
      <button
        type="button"
        aria-expanded={isOpen}
        onClick={() => onToggle(isOpen ? null : keyOf(sample))}
        className={`w-full px-4 py-2 text-left text-sm hover:bg-hover focus-visible:-outline-offset-2 sm:px-5 ${GRID}`}
      >
        <span role="cell" className="num text-soft">
          {formatClock(sample.scheduledAt, timeZone, true)}
        </span>
        <span role="cell" className="flex">
          <SampleLabel status={sample.status} />
        </span>
        <span role="cell" className="num text-right">
          {formatRtt(sample.rttMs)}
        </span>
        <span role="cell" className="num text-right text-soft max-sm:hidden">
          {formatRtt(sample.jitterMs)}
        </span>
        <span role="cell" className="num text-right text-soft max-sm:hidden">
          {formatRtt(sample.latenessMs)}
        </span>
        <span
          role="cell"
          className={`truncate text-soft max-sm:col-span-3 ${sample.error === null ? "max-sm:hidden" : ""}`}
          title={sample.error ?? undefined}
        >
          {sample.error}
        </span>
        <Icon
          name="chevronDown"
          size={14}
          className={`text-faint transition-transform max-sm:hidden ${isOpen ? "rotate-180" : ""}`}
        />
      </button>
      {isOpen && <SampleDetail sample={sample} timeZone={timeZone} />}
    </div>
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
    <div
      role="cell"
      className="grid gap-5 border-t border-line/60 bg-sunken/60 px-4 py-4 sm:grid-cols-2 sm:px-5"
    >
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
  );
}
