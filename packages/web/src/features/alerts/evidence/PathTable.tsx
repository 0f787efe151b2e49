import type { NetworkPath } from "@nightbell/contract";
import { formatPercent, formatRtt, NO_VALUE } from "../../../format/measures.js";
import { Icon } from "../../../ui/Icon.js";
import { type HopRow, hopRows } from "./evidence.js";

/** The hops of a path, and behind which of them it breaks off. */
export function PathTable({ path }: { path: NetworkPath }) {
  const rows = hopRows(path);
  return (
    <div className="min-w-0">
      <h3 className="eyebrow">
        Path to <span className="num normal-case">{path.address}</span>
      </h3>
      <table className="mt-1.5 w-full text-sm" aria-label={`Path to ${path.address}`}>
        <thead>
          <tr className="text-left text-xs text-faint">
            <th scope="col" className="w-9 py-1 font-normal">
              Hop
            </th>
            <th scope="col" className="py-1 font-normal">
              Answered by
            </th>
            <th scope="col" className="py-1 pl-3 text-right font-normal">
              RTT
            </th>
            <th scope="col" className={`py-1 pl-3 text-right font-normal ${rangeOf(path)}`}>
              Range
            </th>
            <th scope="col" className="w-16 py-1 pl-3 text-right font-normal">
              Loss
            </th>
          </tr>
        </thead>
        <tbody>
          {path.end.hop === 0 && <BreakRow path={path} />}
          {rows.map((row) => (
            <HopRows key={row.hop} row={row} path={path} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function HopRows({ row, path }: { row: HopRow; path: NetworkPath }) {
  const { hop, addresses, avgMs, minMs, maxMs, loss, kind, isEnd } = row;
  const isSilent = kind === "silent";
  return (
    <>
      <tr className="border-t border-line/60">
        <td className="num py-1.5 text-faint">{hop}</td>
        <td className="py-1.5">
          <span className="flex flex-wrap items-center gap-x-2">
            {isSilent ? (
              <span className="text-faint">no answer</span>
            ) : (
              <span className={`num [overflow-wrap:anywhere] ${isEnd ? "font-medium" : ""}`}>
                {addresses.join(", ")}
              </span>
            )}
            {kind === "target" && (
              <span className="inline-flex items-center gap-1 text-xs text-good">
                <Icon name="check" size={12} /> the target
              </span>
            )}
            {kind === "unreachable" && (
              <span className="inline-flex items-center gap-1 text-xs text-missed">
                <Icon name="cross" size={12} /> {row.reason}
              </span>
            )}
          </span>
        </td>
        <td className="num py-1.5 pl-3 text-right whitespace-nowrap">{formatRtt(avgMs)}</td>
        <td className={`num py-1.5 pl-3 text-right whitespace-nowrap text-faint ${rangeOf(path)}`}>
          {minMs === null ? NO_VALUE : `${formatRtt(minMs)} – ${formatRtt(maxMs)}`}
        </td>
        <td className={`num py-1.5 pl-3 text-right ${loss > 0 && !isSilent ? "text-warn" : "text-faint"}`}>
          {formatPercent(Math.round(loss))}
        </td>
      </tr>
      {isEnd && <BreakRow path={path} />}
    </>
  );
}

/** The range gives way to the long addresses of IPv6. */
function rangeOf({ address }: NetworkPath): string {
  return address.includes(":") ? "hidden" : "max-sm:hidden";
}

/** Where the path ends, pointed out. */
function BreakRow({ path: { end } }: { path: NetworkPath }) {
  const text =
    end.hop === 0
      ? "No hop answers: the path ends here, or its first router does not speak"
      : end.kind === "unreachable"
        ? `The path ends here: ${end.reason ?? "there is no way on"}`
        : "The path ends here: nobody beyond answers";
  return (
    <tr>
      <td colSpan={5} className="p-0">
        <p className="flex items-center gap-2 border-y border-dashed border-missed/70 bg-missed/8 px-2 py-1.5 text-xs font-medium text-missed">
          <Icon name="cross" size={13} /> {text}
        </p>
      </td>
    </tr>
  );
}
