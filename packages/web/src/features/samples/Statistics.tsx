import type { Summary } from "@nightbell/contract";
import { countOf, formatCount, formatPercent, formatRtt, NO_VALUE, rttParts } from "../../format/measures.js";
import { Facts } from "../../ui/Facts.js";
import { Bone } from "../../ui/states.js";

interface Figure {
  term: string;
  value: string;
  unit: string;
  note: string;
  tone?: string;
  noteTone?: string;
}

/** The five figures one looks at first, of the window that the chart shows. */
export function Figures({ summary, lossLimit }: { summary: Summary | undefined; lossLimit: number | null }) {
  const loss = summary?.lossPercent ?? null;
  const isLossy = loss !== null && loss > (lossLimit ?? 0);
  const figures: Figure[] = [
    { term: "Median", ...rttParts(summary?.p50RttMs), note: `average ${formatRtt(summary?.avgRttMs)}` },
    { term: "p95", ...rttParts(summary?.p95RttMs), note: `p99 ${formatRtt(summary?.p99RttMs)}` },
    {
      term: "Loss",
      ...percentParts(loss),
      note: `${formatCount(summary?.missedCount ?? 0)} missed`,
      tone: isLossy ? "text-missed" : "",
    },
    { term: "Jitter", ...rttParts(summary?.avgJitterMs), note: `max ${formatRtt(summary?.maxJitterMs)}` },
    {
      term: "Measured",
      ...percentParts(coverage(summary)),
      note:
        (summary?.systemErrorCount ?? 0) > 0
          ? countOf(summary?.systemErrorCount ?? 0, "error of ours", "errors of ours")
          : countOf(summary?.sampleCount ?? 0, "sample"),
      noteTone: (summary?.systemErrorCount ?? 0) > 0 ? "text-fault" : "",
    },
  ];
  return (
    <dl className="grid grid-cols-6 gap-px overflow-hidden rounded-lg border border-line bg-line sm:grid-cols-5">
      {figures.map(({ term, value, unit, note, tone = "", noteTone = "" }) => (
        <div
          key={term}
          className="col-span-2 min-w-0 bg-surface px-4 py-3.5 max-sm:px-3 max-sm:nth-[-n+2]:col-span-3 sm:col-span-1 lg:px-5"
        >
          <dt className="eyebrow">{term}</dt>
          <dd>
            {summary === undefined ? (
              <Bone className="mt-2 h-6 w-20" />
            ) : (
              <span className={`num mt-0.5 block text-xl sm:text-2xl ${tone}`}>
                {value}
                {unit !== "" && <span className="ml-1 text-sm text-faint">{unit}</span>}
              </span>
            )}
            <span className={`num mt-0.5 block truncate text-xs text-faint ${noteTone}`}>
              {summary === undefined ? NO_VALUE : note}
            </span>
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Everything else that is known about the window. */
export function StatisticsList({ summary }: { summary: Summary }) {
  const unprobed = Math.max(0, summary.expectedCount - summary.sampleCount);
  const rows: [string, string][] = [
    ["Lowest", formatRtt(summary.minRttMs)],
    ["Highest", formatRtt(summary.maxRttMs)],
    ["Average", formatRtt(summary.avgRttMs)],
    ["Standard deviation", formatRtt(summary.stddevRttMs)],
    ["99th percentile", formatRtt(summary.p99RttMs)],
    ["Samples", formatCount(summary.sampleCount)],
    ["Answered", formatCount(summary.successCount)],
    ["Missed", formatCount(summary.missedCount)],
    ["System errors", formatCount(summary.systemErrorCount)],
    ["Slots not probed", formatCount(unprobed)],
    ...(summary.duplicateReplies + summary.lateReplies > 0
      ? ([
          ["Duplicate replies", formatCount(summary.duplicateReplies)],
          ["Late replies", formatCount(summary.lateReplies)],
        ] as [string, string][])
      : []),
  ];
  return <Facts rows={rows} />;
}

/** Of the slots that were due, how many we measured; our own errors are not measurements. */
function coverage(summary: Summary | undefined): number | null {
  if (summary === undefined || summary.expectedCount === 0) return null;
  const measured = summary.sampleCount - summary.systemErrorCount;
  return Math.min(100, (100 * measured) / summary.expectedCount);
}

function percentParts(percent: number | null): { value: string; unit: string } {
  const text = formatPercent(percent);
  return text === NO_VALUE ? { value: text, unit: "" } : { value: text.replace(/ %$/, ""), unit: "%" };
}
