// What stands in the form while a person types: text as typed, one set of options per type so that switching the type
// and back loses nothing. Turned into the contract's shape by `toBody`, which judges nothing: the schema does.
import {
  DEFAULT_LOCATION,
  optionsByType,
  Simulation,
  type HttpAssertion,
  type Job,
  type JobType,
  type MonitoringMode,
} from "@nightbell/contract";
import { formatSeconds, parseSeconds } from "../../../format/durations.js";

export interface HeaderDraft {
  name: string;
  value: string;
}

export interface AssertionDraft {
  kind: HttpAssertion["kind"];
  /** Header name or JSON path. */
  subject: string;
  /** What it must contain, or equal as JSON. */
  expected: string;
}

export interface OptionDrafts {
  [field: string]: string | boolean | HeaderDraft[] | AssertionDraft[];
}

export interface Draft {
  title: string;
  type: JobType;
  target: string;
  cadence: string;
  /** Empty: endless. */
  duration: string;
  monitoringMode: MonitoringMode;
  simulation: Record<keyof Simulation, string>;
  locations: string;
  thresholds: { warningRttMs: string; criticalRttMs: string; lossPercent: string };
  options: Record<JobType, OptionDrafts>;
}

export function emptyDraft(type: JobType = "icmp"): Draft {
  return {
    title: "",
    type,
    target: "",
    cadence: "5 s",
    duration: "",
    monitoringMode: "real_polling",
    simulation: simulationDraft(Simulation.parse({})),
    locations: DEFAULT_LOCATION,
    thresholds: { warningRttMs: "", criticalRttMs: "", lossPercent: "" },
    options: Object.fromEntries(
      Object.entries(optionsByType).map(([type, schema]) => [type, optionDrafts(schema.parse({}))]),
    ) as Draft["options"],
  };
}

export function draftOf(job: Job): Draft {
  const empty = emptyDraft();
  const { warningRttMs, criticalRttMs, lossPercent } = job.thresholds;
  const parsed = optionsByType[job.type].safeParse(job.options);
  return {
    title: job.title,
    type: job.type,
    target: job.target,
    cadence: formatSeconds(job.cadenceSeconds),
    duration: job.durationSeconds === null ? "" : exactSeconds(job.durationSeconds),
    monitoringMode: job.monitoringMode,
    simulation: simulationDraft(job.simulation),
    locations: job.locations.join(", "),
    thresholds: {
      warningRttMs: textOf(warningRttMs),
      criticalRttMs: textOf(criticalRttMs),
      lossPercent: textOf(lossPercent),
    },
    options: {
      ...empty.options,
      [job.type]: parsed.success ? optionDrafts(parsed.data) : empty.options[job.type],
    },
  };
}

/** The job that the draft means, in the shape of JobCreate but unchecked. */
export function toBody(draft: Draft) {
  const { warningRttMs, criticalRttMs, lossPercent } = draft.thresholds;
  return {
    title: draft.title.trim() === "" ? draft.target.trim().slice(0, 200) : draft.title,
    type: draft.type,
    target: draft.target,
    options: optionsBody(draft.options[draft.type]),
    cadenceSeconds: secondsOf(draft.cadence),
    durationSeconds: draft.duration.trim() === "" ? null : secondsOf(draft.duration),
    monitoringMode: draft.monitoringMode,
    simulation: {
      ...mapValues(draft.simulation, numberOf),
      outageEverySeconds: nullableNumberOf(draft.simulation.outageEverySeconds),
    },
    locations: listOf(draft.locations),
    thresholds: {
      warningRttMs: nullableNumberOf(warningRttMs),
      criticalRttMs: nullableNumberOf(criticalRttMs),
      lossPercent: nullableNumberOf(lossPercent),
    },
  };
}

/** Fields that hold a number in their schema; the others are text. */
const NUMERIC = new Set([
  "timeoutMs",
  "payloadBytes",
  "ttl",
  "maxRedirects",
  "maxBodyBytes",
  "minDaysLeft",
  "graceSeconds",
]);
/** Fields whose empty text means null. */
const NULLABLE = new Set(["body", "serverName", "url", "expected", "subprotocol", "message"]);

export function optionsBody(drafts: OptionDrafts): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(drafts)) {
    if (field === "headers") body[field] = headersBody(value as HeaderDraft[]);
    else if (field === "assertions") body[field] = (value as AssertionDraft[]).map(assertionBody);
    else if (typeof value !== "string") body[field] = value;
    else if (field === "expectedStatuses") body[field] = listOf(value).map(numberOf);
    else if (field === "expectedAnswers") body[field] = linesOf(value);
    else if (NUMERIC.has(field)) body[field] = numberOf(value);
    else if (NULLABLE.has(field)) body[field] = value.trim() === "" ? null : value;
    else body[field] = value;
  }
  return body;
}

function optionDrafts(options: Record<string, unknown>): OptionDrafts {
  const drafts: OptionDrafts = {};
  for (const [field, value] of Object.entries(options)) {
    if (field === "headers") {
      const headers = value as Record<string, string>;
      drafts[field] = Object.entries(headers).map(([name, value]) => ({ name, value }));
    } else if (field === "assertions") drafts[field] = (value as HttpAssertion[]).map(assertionDraft);
    else if (Array.isArray(value)) drafts[field] = value.join(field === "expectedAnswers" ? "\n" : ", ");
    else drafts[field] = typeof value === "boolean" ? value : textOf(value as string | number | null);
  }
  return drafts;
}

function headersBody(headers: HeaderDraft[]): Record<string, string> {
  return Object.fromEntries(
    headers.filter(({ name, value }) => name !== "" || value !== "").map(({ name, value }) => [name, value]),
  );
}

function assertionBody({ kind, subject, expected }: AssertionDraft): unknown {
  if (kind === "header") return { kind, name: subject, contains: expected };
  if (kind === "json") return { kind, path: subject, equals: jsonScalar(expected) };
  return { kind, contains: expected };
}

function assertionDraft(assertion: HttpAssertion): AssertionDraft {
  if (assertion.kind === "header") {
    return { kind: "header", subject: assertion.name, expected: assertion.contains };
  }
  if (assertion.kind === "json") {
    const { equals } = assertion;
    const isPlain = typeof equals === "string" && jsonScalar(equals) === equals;
    return { kind: "json", subject: assertion.path, expected: isPlain ? equals : JSON.stringify(equals) };
  }
  return { kind: assertion.kind, subject: "", expected: assertion.contains };
}

/** `true`, `12`, `null` and `"quoted"` mean themselves in JSON; anything else is plain text. */
function jsonScalar(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? text : value;
  } catch {
    return text;
  }
}

function simulationDraft(simulation: Simulation): Draft["simulation"] {
  return mapValues(simulation, textOf) as Draft["simulation"];
}

function mapValues<Value, Result>(record: Record<string, Value>, map: (value: Value) => Result) {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}

/** Text that is no number goes on as it is, so that the schema refuses it. */
function numberOf(text: string): number | string | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  const value = Number(trimmed);
  return Number.isNaN(value) ? trimmed : value;
}

function nullableNumberOf(text: string): number | string | null {
  return numberOf(text) ?? null;
}

function secondsOf(text: string): number | string | undefined {
  return text.trim() === "" ? undefined : (parseSeconds(text) ?? text);
}

/** Without losing seconds, unlike the compact form: `1 d 30 s` and not `1 d`. */
function exactSeconds(seconds: number): string {
  const compact = formatSeconds(seconds);
  return parseSeconds(compact) === seconds ? compact : `${seconds} s`;
}

function listOf(text: string): string[] {
  return text.split(/[\s,;]+/).filter((part) => part !== "");
}

function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

function textOf(value: string | number | null): string {
  return value === null ? "" : String(value);
}
