import { type DestinationStream, pino, type Logger } from "pino";

export type { Logger } from "pino";

export type LogFormat = "json" | "pretty";

const STDERR = 2;

/** On stderr, so that stdout stays the program's answer: JSON lines for machines, and on a terminal lines for people. */
export function createLogger(level: string, role: string, format: LogFormat = formatOfStderr()): Logger {
  return pino(
    {
      level,
      base: { role },
      redact: ["req.headers.authorization", "req.headers.cookie", "*.password", "*.token"],
    },
    format === "pretty" ? prettyStderr(level === "debug" || level === "trace") : stderr(),
  );
}

function formatOfStderr(): LogFormat {
  return process.stderr.isTTY ? "pretty" : "json";
}

/** At once and in order: of lines written in the background, the last ones before an exit may change places. */
function stderr() {
  return pino.destination({ dest: STDERR, sync: true });
}

function prettyStderr(withStacks: boolean): DestinationStream {
  const destination = stderr();
  return { write: (line) => void destination.write(`${prettyLine(line, withStacks)}\n`) };
}

interface LogLine extends Record<string, unknown> {
  level: number;
  time: number;
  role: string;
  msg?: string;
  err?: { message: string; stack?: string };
}

/** `12:00:05 up: warn: what happened: why (field=value …)`, in local time; nothing usual names its level. */
export function prettyLine(json: string, withStacks: boolean): string {
  const { level, time, role, msg = "", err, ...fields } = JSON.parse(json) as LogLine;
  const clock = new Date(time).toTimeString().slice(0, "HH:MM:SS".length);
  const name = level === pino.levels.values["info"] ? "" : `${pino.levels.labels[level] ?? level}: `;
  const details = Object.entries(fields).map(([key, value]) => `${key}=${shown(value)}`);
  return [
    `${clock} ${role}: ${name}${msg}`,
    err === undefined ? "" : `: ${err.message}`,
    details.length === 0 ? "" : ` (${details.join(" ")})`,
    withStacks && err?.stack !== undefined ? `\n${err.stack}` : "",
  ].join("");
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
