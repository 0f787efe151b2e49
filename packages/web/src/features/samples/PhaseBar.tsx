import type { Phases } from "@nightbell/contract";
import { formatRtt } from "../../format/measures.js";
import { phaseParts } from "./phases.js";

/** Steps of one hue, dark to light, told apart by order and number as much as by shade. */
const shades = ["bg-signal", "bg-signal/75", "bg-signal/55", "bg-signal/40", "bg-signal/28"];

/** Where the time went, as a proportional bar with its numbers. */
export function PhaseBar({ phases }: { phases: Phases }) {
  const parts = phaseParts(phases);
  if (parts.length === 0) return null;
  return (
    <div>
      <div className="flex h-2.5 gap-px overflow-hidden rounded-full" aria-hidden="true">
        {parts.map((part, index) => (
          <span
            key={part.name}
            className={`min-w-0.5 ${shades[index % shades.length]}`}
            style={{ flexGrow: Math.max(part.share, 0.004) }}
          />
        ))}
      </div>
      <dl className="mt-3 grid gap-1.5 text-sm">
        {parts.map((part, index) => (
          <div key={part.name} className="flex items-baseline gap-2">
            <dt className="flex flex-1 items-center gap-2 text-soft">
              <span aria-hidden="true" className={`size-2 rounded-full ${shades[index % shades.length]}`} />
              {part.label}
            </dt>
            <dd className="num text-xs text-faint">{Math.round(part.share * 100)} %</dd>
            <dd className="num w-20 text-right">{formatRtt(part.ms)}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
