// The words and tables of `nightbell trace`. Pure: tries in, text out.
import { styleText } from "node:util";
import type { NetworkPath, PathHop, PathTry } from "@nightbell/contract";
import { addressesOf, pathText } from "./path.js";

const GAP = "  ";

/** A row for each hop, mtr's way; `colour` is for a terminal. */
export function hopTable(hops: readonly PathHop[], isColoured: boolean): string[] {
  const rows = hops.map((hop) => [String(hop.hop), addressText(hop), ...numbersOf(hop)]);
  const titles = ["hop", "address", "loss", "last", "avg", "min", "max"];
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        column === 1 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join(GAP);
  return [
    paint(line(titles), "dim", isColoured),
    ...hops.map((hop, index) => paint(line(rows[index] ?? []), styleOf(hop), isColoured)),
  ];
}

/** One line of a try, for a log or a pipe. */
export function tryLine(hop: number, { answer, address, rttMs, reason }: PathTry): string {
  const what = answer === null ? "*" : `${address ?? "?"}  ${(rttMs ?? 0).toFixed(3)} ms`;
  return `${String(hop).padStart(3)}  ${what}${reason === null ? "" : `  ${reason}`}`;
}

/** The last line: where the path ends. */
export function pathVerdict({ end }: NetworkPath, isColoured: boolean): string {
  const text = pathText(end);
  return paint(
    `${text.charAt(0).toUpperCase()}${text.slice(1)}.`,
    end.kind === "reached" ? "green" : "red",
    isColoured,
  );
}

function addressText(hop: PathHop): string {
  const addresses = addressesOf(hop);
  const reason = hop.tries.find((each) => each.reason !== null)?.reason;
  if (addresses.length === 0) return "*";
  return `${addresses.join(", ")}${reason === undefined ? "" : ` (${reason})`}`;
}

function numbersOf({ tries }: PathHop): string[] {
  const rtts = tries.flatMap(({ rttMs }) => rttMs ?? []);
  const lost = tries.length - rtts.length;
  const loss = tries.length === 0 ? "" : `${Math.round((100 * lost) / tries.length)} %`;
  if (rtts.length === 0) return [loss, "", "", "", ""];
  const average = rtts.reduce((sum, rtt) => sum + rtt, 0) / rtts.length;
  const numbers = [rtts.at(-1) ?? 0, average, Math.min(...rtts), Math.max(...rtts)];
  return [loss, ...numbers.map((number) => number.toFixed(3))];
}

type Style = "dim" | "green" | "red" | null;

function styleOf({ tries }: PathHop): Style {
  if (tries.some(({ answer }) => answer === "unreachable")) return "red";
  if (tries.some(({ answer }) => answer === "target")) return "green";
  return tries.some(({ answer }) => answer === "hop") ? null : "dim";
}

function paint(text: string, style: Style, isColoured: boolean): string {
  return isColoured && style !== null ? styleText(style, text, { validateStream: false }) : text;
}
