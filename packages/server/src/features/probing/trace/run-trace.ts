// `nightbell trace`: the path to a host, hop by hop, from here and now, without a server or a database.
import { MAX_PATH_HOPS, MAX_PATH_TRIES, parseTarget, type PathHop, type PathTry } from "@nightbell/contract";
import { createLogger } from "../../../platform/log.js";
import { type AddressFamily, resolveHost } from "../address.js";
import { LiveTable, type Terminal } from "../check-terminal.js";
import { createOneShotProber } from "../one-shot.js";
import { hopTable, pathVerdict, tryLine } from "./trace-report.js";

const EXIT_REACHED = 0;
const EXIT_NOT_REACHED = 1;
const EXIT_USAGE = 2;
const RESOLVE_TIMEOUT_MS = 5_000;

export interface TraceCommand {
  maxHops: number;
  /** Of each hop. */
  tries: number;
  timeoutMs: number;
  family: AddressFamily;
  /** One JSON object a line instead of text. */
  json: boolean;
}

export interface TraceOutput {
  readonly stdout: Terminal & { readonly isTTY?: boolean; hasColors?(): boolean };
  readonly stderr: Pick<Terminal, "write">;
}

/**
 * Traces the path to a host and shows it while it becomes known. Ctrl-C ends with what there is. Returns the exit code:
 * 0 when the host answered, 1 when it did not, 2 for a host or an option that makes no sense.
 */
export async function runTrace(
  text: string,
  command: TraceCommand,
  output: TraceOutput = process,
): Promise<number> {
  const complain = (sentence: string, code: number): number => {
    output.stderr.write(`nightbell trace: ${sentence}\n`);
    return code;
  };
  const parsed = parseTarget("icmp", text);
  if (!parsed.ok || parsed.target.type !== "icmp")
    return complain(`${text}: ${parsed.ok ? "is no host" : parsed.message}`, EXIT_USAGE);
  if (!isWithin(command.maxHops, MAX_PATH_HOPS))
    return complain(`--max-hops must be 1 to ${MAX_PATH_HOPS}`, EXIT_USAGE);
  if (!isWithin(command.tries, MAX_PATH_TRIES))
    return complain(`--tries must be 1 to ${MAX_PATH_TRIES}`, EXIT_USAGE);
  const stop = new AbortController();
  const interrupt = (): void => stop.abort();
  process.once("SIGINT", interrupt);
  const prober = createOneShotProber({ latencyApiUrl: "", log: createLogger("silent", "trace") });
  try {
    const limits = { timeoutMs: RESOLVE_TIMEOUT_MS, signal: stop.signal };
    const resolution = await resolveHost(parsed.target.host, command.family, limits);
    if (!resolution.ok) return complain(resolution.error, EXIT_NOT_REACHED);
    const reporter = chooseReporter(text, resolution.address, command, output.stdout);
    const trace = await prober.trace(resolution.address, { ...command, onTry: reporter.onTry }, stop.signal);
    if (!trace.ok) {
      reporter.end([], null);
      return complain(trace.failure.error, EXIT_NOT_REACHED);
    }
    const { path } = trace;
    const isColoured = !command.json && (output.stdout.hasColors?.() ?? false);
    const last = command.json
      ? JSON.stringify({ kind: "path", host: text, ...path })
      : pathVerdict(path, isColoured);
    reporter.end(path.hops, last);
    return path.end.kind === "reached" ? EXIT_REACHED : EXIT_NOT_REACHED;
  } finally {
    process.off("SIGINT", interrupt);
    await prober.close();
  }
}

interface Reporter {
  onTry(this: void, hop: number, tries: readonly PathTry[]): void;
  /** The hops to show at the end, and the line below them. */
  end(this: void, hops: readonly PathHop[], last: string | null): void;
}

function chooseReporter(
  host: string,
  address: string,
  { json }: TraceCommand,
  stdout: TraceOutput["stdout"],
): Reporter {
  const write = (...lines: string[]): void => void stdout.write(lines.map((line) => `${line}\n`).join(""));
  if (json) {
    return {
      onTry: (hop, tries) => write(JSON.stringify({ kind: "try", hop, ...tries.at(-1) })),
      end: (_, last) => last !== null && write(last),
    };
  }
  write(`The path to ${host === address ? host : `${host} (${address})`}; times in ms`, "");
  if (stdout.isTTY !== true) {
    return {
      onTry: (hop, tries) => write(tryLine(hop, tries.at(-1) ?? NO_TRY)),
      end: (hops, last) => last !== null && write("", ...hopTable(hops, false), "", last),
    };
  }
  let shown: readonly PathHop[] = [];
  const live = new LiveTable(stdout, () => hopTable(shown, stdout.hasColors?.() ?? false));
  return {
    onTry(hop, tries) {
      shown = [...shown.filter((each) => each.hop !== hop), { hop, tries: [...tries] }].toSorted(
        (a, b) => a.hop - b.hop,
      );
      live.touch();
    },
    end(hops, last) {
      shown = hops;
      live.end();
      if (last !== null) write("", last);
    },
  };
}

const NO_TRY: PathTry = { answer: null, address: null, rttMs: null, reason: null };

function isWithin(count: number, most: number): boolean {
  return Number.isInteger(count) && count >= 1 && count <= most;
}
