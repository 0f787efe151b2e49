import type { EvidenceProbe } from "@nightbell/contract";
import { formatRtt } from "../../../format/measures.js";
import { burstBars, type BurstBar, burstFigures } from "./evidence.js";

const fills: Record<BurstBar["kind"], string> = {
  success: "bg-signal",
  missed: "bg-missed/25 border-t-2 border-missed",
  system_error: "hatch",
};

/** The probes of a burst, a bar each: as high as its answer was slow; what has no answer fills its column. */
export function Burst({ burst }: { burst: readonly EvidenceProbe[] }) {
  const { answered, minMs, avgMs, maxMs, errors } = burstFigures(burst);
  return (
    <div className="min-w-0">
      <h3 className="eyebrow">Burst of {burst.length} probes</h3>
      <ol className="mt-2.5 flex h-16 items-end gap-1 border-b border-line" aria-label="Probes of the burst">
        {burstBars(burst).map((bar, index) => (
          <li
            // oxlint-disable-next-line react/no-array-index-key -- a burst is never reordered
            key={index}
            title={said(bar, index)}
            className={`min-w-0 flex-1 rounded-t-sm ${fills[bar.kind]}`}
            style={{ height: `${bar.height * 100}%` }}
          >
            <span className="sr-only">{said(bar, index)}</span>
          </li>
        ))}
      </ol>
      <p className="num mt-2 text-sm">
        {answered} of {burst.length} answered
      </p>
      {avgMs !== null && (
        <p className="num text-xs text-faint">
          {formatRtt(minMs)} to {formatRtt(maxMs)}, {formatRtt(avgMs)} on average
        </p>
      )}
      {errors.length > 0 && (
        <ul className="mt-2 grid gap-1 text-xs text-soft">
          {errors.map(({ text, count, isOurs }) => (
            <li key={text} className="[overflow-wrap:anywhere]">
              <span className={`num font-medium ${isOurs ? "text-fault" : "text-missed"}`}>{count} ×</span>{" "}
              {text}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function said({ rttMs, error }: BurstBar, index: number): string {
  return `${index + 1}: ${error ?? (rttMs === null ? "answered" : formatRtt(rttMs))}`;
}
