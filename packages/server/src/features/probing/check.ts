// `nightbell check`: measures targets from here and now, without a server or a database.
import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { createLogger } from "../../platform/log.js";
import {
  hasFailed,
  sampleJson,
  sampleLine,
  summarize,
  summaryJson,
  table,
  verdict,
  type CheckSample,
  type CheckTally,
} from "./check-report.js";
import { parseCheckTarget, type CheckTarget } from "./check-targets.js";
import { LiveTable, type Terminal } from "./check-terminal.js";
import { createOneShotProber, type OneShotProber } from "./one-shot.js";

const EXIT_OK = 0;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
/** Of a terminal that does not know its width. */
const DEFAULT_WIDTH = 100;
/** Probes at once, so that a short interval against a dead target ends in waiting, not in thousands of sockets. */
const MAX_UNDER_WAY = 1_000;

export interface CheckOptions {
  /** Tries of each target. */
  count: number;
  intervalMs: number;
  timeoutMs: number;
  /** One JSON object a line instead of text. */
  json: boolean;
}

/** Where the answer and the complaints go. */
export interface CheckOutput {
  readonly stdout: Terminal & { readonly isTTY?: boolean; hasColors?(): boolean };
  readonly stderr: Pick<Terminal, "write">;
}

/**
 * Measures every target `count` times, all of them at the same moments, and reports. Ctrl-C ends early with the summary.
 * Returns the exit code: 0 when every try of every target succeeded, 1 when one did not, 2 when a target or an option
 * is not valid and nothing was measured.
 */
export async function runCheck(
  texts: readonly string[],
  options: CheckOptions,
  output: CheckOutput = process,
): Promise<number> {
  const parsed = texts.map((text) => ({ text, target: parseCheckTarget(text, options.timeoutMs) }));
  const complaints = parsed.flatMap(({ text, target }) =>
    "reason" in target ? [`${text}: ${target.reason}`] : [],
  );
  if (!Number.isInteger(options.count)) complaints.push("--count must be a whole number");
  if (complaints.length > 0) {
    output.stderr.write(complaints.map((complaint) => `nightbell check: ${complaint}\n`).join(""));
    return EXIT_USAGE;
  }
  const targets = parsed.flatMap(({ target }) => ("reason" in target ? [] : [target]));
  const runs = targets.map((target) => ({ target, tally: emptyTally(target) }));
  const tallies = runs.map(({ tally }) => tally);
  const reporter = chooseReporter(tallies, options, output);
  const stop = new AbortController();
  // Each probe under way listens.
  setMaxListeners(0, stop.signal);
  const interrupt = (): void => stop.abort();
  process.once("SIGINT", interrupt);
  const prober = createOneShotProber({ latencyApiUrl: "", log: createLogger("silent", "check") });
  try {
    if (targets.some(({ type }) => type === "icmp")) await prober.warmUp();
    await measure(prober, runs, options, stop.signal, reporter.sample);
  } finally {
    process.off("SIGINT", interrupt);
    await prober.close();
    reporter.end();
  }
  return tallies.map(summarize).some(hasFailed) ? EXIT_FAILED : EXIT_OK;
}

type Place = Omit<CheckSample, "outcome">;

interface Run {
  readonly target: CheckTarget;
  readonly tally: CheckTally;
}

/** All targets on one grid: try k of each at `start + k · interval`. What the signal cancels is not counted. */
async function measure(
  prober: OneShotProber,
  runs: readonly Run[],
  { count, intervalMs }: CheckOptions,
  signal: AbortSignal,
  report: (tally: CheckTally, sample: CheckSample) => void,
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  const run = async (
    { type, target, options }: CheckTarget,
    tally: CheckTally,
    place: Place,
  ): Promise<void> => {
    const outcome = await prober.probe(type, target, options, signal, {
      onStray: (kind) => {
        if (kind === "duplicate") tally.duplicates += 1;
      },
    });
    if (signal.aborted && outcome.errorCode === "cancelled") return;
    const sample = { ...place, outcome };
    tally.samples.push(sample);
    report(tally, sample);
  };
  const startMs = Date.now();
  const startedAt = performance.now();
  for (let k = 0; k < count && !signal.aborted; k += 1) {
    const waitMs = startedAt + k * intervalMs - performance.now();
    if (waitMs > 0) await delay(waitMs, undefined, { signal }).catch(() => undefined);
    for (const { target, tally } of runs) {
      while (underWay.size >= MAX_UNDER_WAY) await Promise.race(underWay);
      if (signal.aborted) break;
      const latenessMs = performance.now() - startedAt - k * intervalMs;
      const place = { sequenceNumber: k + 1, scheduledAtMs: startMs + k * intervalMs, latenessMs };
      const probe: Promise<void> = run(target, tally, place).finally(() => underWay.delete(probe));
      underWay.add(probe);
    }
  }
  await Promise.all(underWay);
}

interface Reporter {
  sample(this: void, tally: CheckTally, sample: CheckSample): void;
  end(this: void): void;
}

function chooseReporter(
  tallies: readonly CheckTally[],
  { json, count }: CheckOptions,
  { stdout }: CheckOutput,
): Reporter {
  if (json) return jsonReporter(tallies, stdout);
  return stdout.isTTY === true ? liveReporter(tallies, count, stdout) : lineReporter(tallies, stdout);
}

function jsonReporter(tallies: readonly CheckTally[], stdout: Terminal): Reporter {
  return {
    sample: (tally, sample) => void stdout.write(`${sampleJson(tally, sample)}\n`),
    end: () => void stdout.write(`${summaryJson(tallies.map(summarize))}\n`),
  };
}

function lineReporter(tallies: readonly CheckTally[], stdout: Terminal): Reporter {
  const labelWidth = Math.max(...tallies.map(({ label }) => label.length));
  const style = { width: Infinity, isColoured: false };
  return {
    sample: ({ label }, sample) => void stdout.write(`${sampleLine(label, sample, labelWidth)}\n`),
    end: () => {
      const lines = [...table(tallies, style), "", verdict(tallies.map(summarize), style)];
      stdout.write(`\n${lines.join("\n")}\n`);
    },
  };
}

function liveReporter(
  tallies: readonly CheckTally[],
  count: number,
  stdout: CheckOutput["stdout"],
): Reporter {
  // `hasColors` knows NO_COLOR, FORCE_COLOR and dumb terminals.
  const style = () => ({ width: stdout.columns || DEFAULT_WIDTH, isColoured: stdout.hasColors?.() ?? false });
  const progress = () =>
    `${Math.max(...tallies.map(({ samples }) => samples.length))} of ${count}; Ctrl-C ends with what there is`;
  const live = new LiveTable(stdout, (isLast) => [
    ...table(tallies, style()),
    ...(isLast ? [] : ["", progress()]),
  ]);
  return {
    sample: () => live.touch(),
    end: () => {
      live.end();
      stdout.write(`\n${verdict(tallies.map(summarize), style())}\n`);
    },
  };
}

function emptyTally({ label, type }: CheckTarget): CheckTally {
  return { label, type, samples: [], duplicates: 0 };
}
