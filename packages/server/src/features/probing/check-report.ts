// The words and tables of `nightbell check`. Pure: results in, text out.
import { styleText } from "node:util";
import type { ProbeOutcome } from "./prober.js";

export interface CheckSample {
  readonly sequenceNumber: number;
  readonly scheduledAtMs: number;
  readonly latenessMs: number;
  readonly outcome: ProbeOutcome;
}

/** One target's results so far. */
export interface CheckTally {
  readonly label: string;
  readonly type: string;
  /** In the order in which they came. */
  readonly samples: CheckSample[];
  /** Replies that came more than once (icmp). */
  duplicates: number;
}

export interface CheckSummary {
  readonly target: string;
  readonly type: string;
  readonly sent: number;
  readonly received: number;
  /** We failed; nothing is known about the target. */
  readonly systemErrors: number;
  readonly duplicates: number;
  /** Missed over missed and received; null without either. */
  readonly lossPercent: number | null;
  readonly minRttMs: number | null;
  readonly avgRttMs: number | null;
  readonly maxRttMs: number | null;
  readonly stddevRttMs: number | null;
  readonly p95RttMs: number | null;
}

export function summarize({ label, type, samples, duplicates }: CheckTally): CheckSummary {
  const rtts = samples
    .flatMap(({ outcome }) =>
      outcome.status === "success" && outcome.rttUs !== null ? [outcome.rttUs / 1_000] : [],
    )
    .toSorted((a, b) => a - b);
  const count = (status: ProbeOutcome["status"]) =>
    samples.filter(({ outcome }) => outcome.status === status).length;
  const [received, missed, systemErrors] = [count("success"), count("missed"), count("system_error")];
  const average = rtts.reduce((sum, rtt) => sum + rtt, 0) / rtts.length;
  const variance = rtts.reduce((sum, rtt) => sum + (rtt - average) ** 2, 0) / rtts.length;
  return {
    target: label,
    type,
    sent: samples.length,
    received,
    systemErrors,
    duplicates,
    lossPercent: received + missed === 0 ? null : (100 * missed) / (received + missed),
    minRttMs: rtts[0] ?? null,
    avgRttMs: rtts.length === 0 ? null : toMicroseconds(average),
    maxRttMs: rtts.at(-1) ?? null,
    stddevRttMs: rtts.length === 0 ? null : toMicroseconds(Math.sqrt(variance)),
    // Nearest rank: the smallest RTT that at least 95 % do not exceed.
    p95RttMs: rtts[Math.ceil(rtts.length * 0.95) - 1] ?? null,
  };
}

/** A target fails when any of its tries did not succeed. */
export function hasFailed({ sent, received }: CheckSummary): boolean {
  return received < sent;
}

/** One line of a result, for a log or a pipe. */
export function sampleLine(
  label: string,
  { sequenceNumber, outcome }: CheckSample,
  labelWidth: number,
): string {
  const { status, rttUs, errorCode, error } = outcome;
  const result =
    status === "success" ? `${((rttUs ?? 0) / 1_000).toFixed(3)} ms` : printable(`${errorCode}: ${error}`);
  return `${label.padEnd(labelWidth)}  ${String(sequenceNumber).padStart(3)}  ${result}`;
}

interface Column {
  readonly title: string;
  readonly cell: (summary: CheckSummary, decimals: number) => string;
  /** Columns of higher rank go first when the terminal is narrow. */
  readonly rank: number;
  /** Left out while it says nothing. */
  readonly isNeeded?: (summary: CheckSummary) => boolean;
}

const rtt = (title: string, rank: number, pick: (summary: CheckSummary) => number | null): Column => ({
  title,
  rank,
  cell: (summary, decimals) => pick(summary)?.toFixed(decimals) ?? "–",
});

const columns: readonly Column[] = [
  { title: "sent", rank: 4, cell: ({ sent }) => String(sent) },
  { title: "ok", rank: 3, cell: ({ received }) => String(received) },
  {
    title: "loss",
    rank: 0,
    cell: ({ lossPercent }) => (lossPercent === null ? "–" : `${percent(lossPercent)} %`),
  },
  {
    title: "errors",
    rank: 2,
    cell: ({ systemErrors }) => String(systemErrors),
    isNeeded: ({ systemErrors }) => systemErrors > 0,
  },
  {
    title: "dup",
    rank: 5,
    cell: ({ duplicates }) => String(duplicates),
    isNeeded: ({ duplicates }) => duplicates > 0,
  },
  rtt("min", 6, ({ minRttMs }) => minRttMs),
  rtt("avg", 1, ({ avgRttMs }) => avgRttMs),
  rtt("max", 7, ({ maxRttMs }) => maxRttMs),
  rtt("stddev", 9, ({ stddevRttMs }) => stddevRttMs),
  rtt("p95", 8, ({ p95RttMs }) => p95RttMs),
];

const TITLE = "times in ms";
const GAP = "  ";
/** A label is shortened to no less than this before columns are left out. */
const LEAST_LABEL = 16;

export interface TableStyle {
  /** Characters in a line. */
  readonly width: number;
  readonly isColoured: boolean;
}

/** The table of all targets, with the newest failure of each below its row. */
export function table(tallies: readonly CheckTally[], style: TableStyle): string[] {
  const rows = tallies.map((tally) => ({ tally, summary: summarize(tally) }));
  const summaries = rows.map(({ summary }) => summary);
  const decimals = decimalsFor(Math.max(0, ...summaries.map(({ maxRttMs }) => maxRttMs ?? 0)));
  const longest = Math.max(TITLE.length, ...tallies.map(({ label }) => label.length));
  const shown = fitting(summaries, decimals, style.width - 2 - Math.min(longest, LEAST_LABEL));
  const widths = shown.map((column) => columnWidth(column, summaries, decimals));
  const numbersWidth = widths.reduce((sum, width) => sum + GAP.length + width, 0);
  const labelWidth = Math.max(LEAST_LABEL, Math.min(longest, style.width - 2 - numbersWidth));
  const line = (mark: string, label: string, cells: string[]) =>
    `${mark} ${shorten(label, labelWidth).padEnd(labelWidth)}${cells
      .map((cell, index) => GAP + cell.padStart(widths[index] ?? 0))
      .join("")}`;
  const paint = painter(style.isColoured);
  return [
    paint(
      "dim",
      line(
        " ",
        TITLE,
        shown.map(({ title }) => title),
      ),
    ),
    ...rows.flatMap(({ tally, summary }) => [
      line(
        mark(summary, paint),
        summary.target,
        shown.map((column) => column.cell(summary, decimals)),
      ),
      ...failureLine(tally, style, paint),
    ]),
  ];
}

/** The last line: what came of it all. */
export function verdict(summaries: readonly CheckSummary[], style: Pick<TableStyle, "isColoured">): string {
  const paint = painter(style.isColoured);
  const failedCount = summaries.filter(hasFailed).length;
  const all = summaries.length === 1 ? "The target" : `All ${summaries.length} targets`;
  if (summaries.every(({ sent }) => sent === 0)) return paint("yellow", "Nothing was measured.");
  if (failedCount === 0) return paint("green", `${all} answered every time.`);
  return paint(
    "red",
    `${failedCount} of ${summaries.length} ${summaries.length === 1 ? "target" : "targets"} failed.`,
  );
}

export function sampleJson({ label, type }: CheckTally, sample: CheckSample): string {
  const { rttUs, status, errorCode, error, phases, address } = sample.outcome;
  return JSON.stringify({
    kind: "sample",
    target: label,
    type,
    sequenceNumber: sample.sequenceNumber,
    scheduledAt: new Date(sample.scheduledAtMs).toISOString(),
    latenessMs: toMicroseconds(sample.latenessMs),
    status,
    rttMs: rttUs === null ? null : rttUs / 1_000,
    errorCode,
    error,
    phases,
    address,
  });
}

export function summaryJson(summaries: readonly CheckSummary[]): string {
  return JSON.stringify({ kind: "summary", ok: !summaries.some(hasFailed), targets: summaries });
}

type Paint = (style: "dim" | "green" | "red" | "yellow", text: string) => string;

function painter(isColoured: boolean): Paint {
  return (style, text) => (isColoured ? styleText(style, text, { validateStream: false }) : text);
}

function mark(summary: CheckSummary, paint: Paint): string {
  if (summary.sent === 0) return paint("dim", "·");
  return hasFailed(summary) ? paint("red", "✗") : paint("green", "✓");
}

function failureLine({ samples }: CheckTally, { width }: TableStyle, paint: Paint): string[] {
  const failure = samples.findLast(({ outcome }) => outcome.status !== "success");
  if (failure === undefined) return [];
  const colour = failure.outcome.status === "missed" ? "red" : "yellow";
  return [paint(colour, shorten(`    ${failure.outcome.error ?? failure.outcome.errorCode ?? ""}`, width))];
}

/** The columns that fit, least important ones left out first. */
function fitting(summaries: readonly CheckSummary[], decimals: number, width: number): Column[] {
  const shown = columns.filter(({ isNeeded }) => isNeeded === undefined || summaries.some(isNeeded));
  const total = () =>
    shown.reduce((sum, column) => sum + GAP.length + columnWidth(column, summaries, decimals), 0);
  while (shown.length > 1 && total() > width) {
    const last = shown.reduce((least, column) => (column.rank > least.rank ? column : least));
    shown.splice(shown.indexOf(last), 1);
  }
  return shown;
}

function columnWidth({ title, cell }: Column, summaries: readonly CheckSummary[], decimals: number): number {
  return Math.max(title.length, ...summaries.map((summary) => cell(summary, decimals).length));
}

/** So many that the greatest RTT has four digits or so. */
function decimalsFor(greatestMs: number): number {
  return greatestMs < 10 ? 3 : greatestMs < 100 ? 2 : greatestMs < 1_000 ? 1 : 0;
}

function percent(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
}

function shorten(text: string, width: number): string {
  const plain = printable(text);
  return plain.length <= width ? plain : `${plain.slice(0, Math.max(0, width - 1))}…`;
}

/** What a target says may end up in an error; it must not steer the terminal. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, "");
}

function toMicroseconds(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
