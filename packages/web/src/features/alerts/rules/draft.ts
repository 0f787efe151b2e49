// A rule as a form holds it: text where the contract has numbers, and the fields of every condition, so that switching
// back and forth loses nothing.
import type { AlertCondition, AlertRule, AlertSeverity, JobSelector, JobType } from "@nightbell/contract";

type Kind = AlertCondition["kind"];
type Latency = Extract<AlertCondition, { kind: "latency" }>;

export interface ConditionField {
  /** Below `condition`. */
  readonly path: string;
  readonly label: string;
  readonly unit: string;
  readonly initial: string;
  /** An empty one means the trigger's value. */
  readonly isOptional?: boolean;
}

const hold = { path: "recovery.holdSeconds", label: "For", unit: "s", initial: "0" };
const windowFields = [
  { path: "windowSeconds", label: "Window", unit: "s", initial: "300" },
  { path: "minSamples", label: "Samples at least", unit: "", initial: "5" },
];

/** What raises the alert, and what ends it. */
export const conditionFields: Record<Kind, { trigger: ConditionField[]; recovery: ConditionField[] }> = {
  missed: {
    trigger: [
      { path: "missed", label: "Missed", unit: "", initial: "3" },
      { path: "of", label: "Of the newest", unit: "", initial: "3" },
    ],
    recovery: [{ path: "recovery.successes", label: "Successes in a row", unit: "", initial: "2" }],
  },
  loss: {
    trigger: [{ path: "abovePercent", label: "Loss above", unit: "%", initial: "20" }, ...windowFields],
    recovery: [
      { path: "recovery.atMostPercent", label: "Loss at most", unit: "%", initial: "", isOptional: true },
      hold,
    ],
  },
  latency: {
    trigger: [{ path: "aboveMs", label: "Above", unit: "ms", initial: "500" }, ...windowFields],
    recovery: [
      { path: "recovery.atMostMs", label: "At most", unit: "ms", initial: "", isOptional: true },
      hold,
    ],
  },
  certificate: {
    trigger: [{ path: "belowDays", label: "Days left below", unit: "d", initial: "14" }],
    recovery: [
      {
        path: "recovery.atLeastDays",
        label: "Days left at least",
        unit: "d",
        initial: "",
        isOptional: true,
      },
    ],
  },
  baseline: {
    trigger: [
      { path: "factor", label: "Usual deviations", unit: "×", initial: "5" },
      { path: "minChangeMs", label: "And at least", unit: "ms", initial: "10" },
      { path: "samples", label: "Slow in a row", unit: "", initial: "3" },
    ],
    recovery: [{ path: "recovery.samples", label: "Usual in a row", unit: "", initial: "3" }],
  },
};

export interface RuleDraft {
  name: string;
  selector: { kind: JobSelector["kind"]; type: JobType; jobIds: readonly string[] };
  kind: Kind;
  /** By kind and path. */
  values: Record<Kind, Readonly<Record<string, string>>>;
  measure: Latency["measure"];
  statistic: Latency["statistic"];
  /** A number, or `all`. */
  quorum: string;
  severity: AlertSeverity;
  isEnabled: boolean;
}

const kinds = Object.keys(conditionFields) as Kind[];

export function emptyDraft(): RuleDraft {
  return {
    name: "",
    selector: { kind: "all", type: "icmp", jobIds: [] },
    kind: "missed",
    values: valuesOf(null),
    measure: "rtt",
    statistic: "p95",
    quorum: "1",
    severity: "critical",
    isEnabled: true,
  };
}

export function draftOf(rule: AlertRule): RuleDraft {
  const { selector, condition } = rule;
  const draft = emptyDraft();
  return {
    ...draft,
    name: rule.name,
    selector: { ...draft.selector, ...selector },
    kind: condition.kind,
    values: valuesOf(condition),
    ...(condition.kind === "latency" && { measure: condition.measure, statistic: condition.statistic }),
    quorum: String(rule.quorum),
    severity: rule.severity,
    isEnabled: rule.isEnabled,
  };
}

/** The body as the contract wants it; what is no number stays text, for the contract to refuse. */
export function toBody(draft: RuleDraft): Record<string, unknown> {
  const { name, severity, isEnabled } = draft;
  return {
    name,
    selector: selectorOf(draft),
    condition: conditionOf(draft),
    quorum: draft.quorum === "all" ? "all" : numberOf(draft.quorum),
    severity,
    isEnabled,
  };
}

function selectorOf({ selector: { kind, type, jobIds } }: RuleDraft) {
  if (kind === "type") return { kind, type };
  return kind === "jobs" ? { kind, jobIds } : { kind };
}

function conditionOf({ kind, values, measure, statistic }: RuleDraft): Record<string, unknown> {
  const condition: Record<string, unknown> = { kind };
  const recovery: Record<string, unknown> = {};
  const { trigger, recovery: recoveryFields } = conditionFields[kind];
  for (const { path, isOptional } of [...trigger, ...recoveryFields]) {
    const text = values[kind][path] ?? "";
    const value = isOptional === true && text.trim() === "" ? null : numberOf(text);
    if (path.startsWith("recovery.")) recovery[path.slice("recovery.".length)] = value;
    else condition[path] = value;
  }
  return { ...condition, ...(kind === "latency" && { measure, statistic }), recovery };
}

function valuesOf(condition: AlertCondition | null): RuleDraft["values"] {
  const entries = kinds.map((kind) => {
    const { trigger, recovery } = conditionFields[kind];
    const fields = [...trigger, ...recovery].map(({ path, initial }) => {
      if (condition?.kind !== kind) return [path, initial];
      const value = path
        .split(".")
        .reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], condition);
      return [path, typeof value === "number" ? String(value) : ""];
    });
    return [kind, Object.fromEntries(fields)] as const;
  });
  return Object.fromEntries(entries) as RuleDraft["values"];
}

function numberOf(text: string): number | string | undefined {
  const trimmed = text.trim().replace(",", ".");
  if (trimmed === "") return undefined;
  return Number.isNaN(Number(trimmed)) ? text : Number(trimmed);
}
