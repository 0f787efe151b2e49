// Alert rules, the alerts they raise, and maintenance windows (M15, M16).
import { z } from "zod";
import { AlertEvidence } from "./evidence.js";
import { PageQuery, pageOf } from "./pagination.js";
import { JobType } from "./probes.js";

/** What a rule or a maintenance window is about. */
export const JobSelector = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("all") }),
  z.strictObject({
    kind: z.literal("jobs"),
    jobIds: z
      .array(z.uuid())
      .min(1)
      .max(1_000)
      .refine((ids) => new Set(ids).size === ids.length, "must not repeat a job"),
  }),
  z.strictObject({ kind: z.literal("type"), type: JobType }),
]);
export type JobSelector = z.infer<typeof JobSelector>;

const sampleCount = z.number().int().min(1).max(100);
const percent = z.number().min(0).max(100);
const milliseconds = z.number().positive().max(600_000);
/** A window moves in thirtieths of its length, so less than this would be finer than the grid of the fastest job. */
const windowSeconds = z.number().int().min(10).max(86_400);
const holdSeconds = z.number().int().min(0).max(86_400).default(0);
const minSamples = z.number().int().min(1).max(1_000).default(5);

/** So many of the newest samples were missed. */
const MissedCondition = z.strictObject({
  kind: z.literal("missed"),
  missed: sampleCount,
  of: sampleCount,
  /** Over when fewer are missed and the newest so many samples succeeded. */
  recovery: z.strictObject({ successes: sampleCount.default(2) }).prefault({}),
});

/** `missed` over `success + missed` of a window. */
const LossCondition = z.strictObject({
  kind: z.literal("loss"),
  abovePercent: percent.max(99.99),
  windowSeconds,
  /** A window with fewer samples says nothing. */
  minSamples,
  /** Over when the loss is at most this, by default the trigger's, for so long. */
  recovery: z.strictObject({ atMostPercent: percent.nullable().default(null), holdSeconds }).prefault({}),
});

/** A statistic of the successes of a window. */
const LatencyCondition = z.strictObject({
  kind: z.literal("latency"),
  measure: z.enum(["rtt", "jitter"]).default("rtt"),
  statistic: z.enum(["avg", "p95", "max"]),
  aboveMs: milliseconds,
  windowSeconds,
  minSamples,
  recovery: z.strictObject({ atMostMs: milliseconds.nullable().default(null), holdSeconds }).prefault({}),
});

/** Whole days until the server's certificate expires, of jobs that speak TLS. */
const CertificateCondition = z.strictObject({
  kind: z.literal("certificate"),
  belowDays: z.number().int().min(1).max(1_000),
  recovery: z
    .strictObject({ atLeastDays: z.number().int().min(1).max(1_000).nullable().default(null) })
    .prefault({}),
});

/** So many successes in a row were slower than the job's own habit. */
const BaselineCondition = z.strictObject({
  kind: z.literal("baseline"),
  /** In usual deviations. */
  factor: z.number().min(1).max(100).default(5),
  /** A smaller change is never one. */
  minChangeMs: milliseconds,
  samples: sampleCount.default(3),
  /** Over when so many successes in a row were as usual. */
  recovery: z.strictObject({ samples: sampleCount.default(3) }).prefault({}),
});

export const AlertCondition = z
  .discriminatedUnion("kind", [
    MissedCondition,
    LossCondition,
    LatencyCondition,
    CertificateCondition,
    BaselineCondition,
  ])
  .superRefine((condition, context) => {
    const refuse = (path: PropertyKey[], message: string) =>
      context.addIssue({ code: "custom", path, message });
    if (condition.kind === "missed" && condition.missed > condition.of) {
      refuse(["missed"], "must be at most `of`");
    }
    if (condition.kind === "loss" && (condition.recovery.atMostPercent ?? 0) > condition.abovePercent) {
      refuse(["recovery", "atMostPercent"], "must be at most `abovePercent`");
    }
    if (condition.kind === "latency" && (condition.recovery.atMostMs ?? 0) > condition.aboveMs) {
      refuse(["recovery", "atMostMs"], "must be at most `aboveMs`");
    }
    if (
      condition.kind === "certificate" &&
      (condition.recovery.atLeastDays ?? condition.belowDays) < condition.belowDays
    ) {
      refuse(["recovery", "atLeastDays"], "must be at least `belowDays`");
    }
  });
export type AlertCondition = z.infer<typeof AlertCondition>;

export const AlertSeverity = z.enum(["info", "warning", "critical"]);
export type AlertSeverity = z.infer<typeof AlertSeverity>;

/** At so many of a job's locations the condition must hold; a job with fewer needs all of its own. */
export const AlertQuorum = z.union([z.number().int().min(1).max(50), z.literal("all")]);
export type AlertQuorum = z.infer<typeof AlertQuorum>;

const name = z.string().trim().min(1, "must not be empty").max(200, "must have at most 200 characters");

const ruleShape = {
  name,
  selector: JobSelector,
  condition: AlertCondition,
  quorum: AlertQuorum,
  severity: AlertSeverity,
  isEnabled: z.boolean(),
};

export const AlertRuleCreate = z.strictObject({
  ...ruleShape,
  selector: JobSelector.default({ kind: "all" }),
  quorum: AlertQuorum.default(1),
  severity: AlertSeverity.default("critical"),
  isEnabled: z.boolean().default(true),
});
export type AlertRuleCreate = z.input<typeof AlertRuleCreate>;

/** Absent fields stay as they are; a condition is replaced as a whole. */
export const AlertRulePatch = z.strictObject(ruleShape).partial();
export type AlertRulePatch = z.input<typeof AlertRulePatch>;

export const AlertRule = z.object({
  id: z.uuid(),
  ...ruleShape,
  /** Rises with every edit; send it back as `If-Match: "<version>"`. */
  version: z.number().int(),
  createdAt: z.string(),
  updatedAt: z.string(),
});
export type AlertRule = z.infer<typeof AlertRule>;

/** Oldest first. */
export const AlertRuleListQuery = PageQuery.strict();
export const AlertRulePage = pageOf(AlertRule);
export type AlertRulePage = z.infer<typeof AlertRulePage>;

/** `self`: about this installation, not about a target. */
export const AlertKind = z.enum(["missed", "loss", "latency", "certificate", "baseline", "self"]);
export type AlertKind = z.infer<typeof AlertKind>;

/** `suppressed`: the condition holds, but a maintenance window or a parent that is down accounts for it. */
export const AlertStatus = z.enum(["open", "suppressed", "resolved"]);
export type AlertStatus = z.infer<typeof AlertStatus>;

export const AlertResolution = z.enum([
  "recovered",
  "job_stopped",
  "job_deleted",
  "rule_disabled",
  "rule_changed",
  "rule_deleted",
]);
export type AlertResolution = z.infer<typeof AlertResolution>;

/** What accounts for a suppressed alert. */
export const AlertSuppression = z.object({
  kind: z.enum(["maintenance", "parent"]),
  /** The window's or the parent job's. */
  id: z.uuid(),
  name: z.string(),
});
export type AlertSuppression = z.infer<typeof AlertSuppression>;

/** What a condition is about, at one location. */
export const AlertLocation = z.object({
  name: z.string(),
  isBad: z.boolean(),
  /** The slot at which that began. */
  since: z.string(),
  /** missed: samples missed; loss: percent; latency, baseline: ms; certificate: days left. */
  value: z.number().nullable(),
});
export type AlertLocation = z.infer<typeof AlertLocation>;

export const Alert = z.object({
  id: z.uuid(),
  kind: AlertKind,
  status: AlertStatus,
  severity: AlertSeverity,
  /** A sentence: `web-1: 3 of the last 3 samples were missed`. */
  title: z.string(),
  /** Null for `self`. The names are those at the time; the ids are null once what they meant is deleted. */
  rule: z.object({ id: z.uuid().nullable(), name: z.string() }).nullable(),
  job: z.object({ id: z.uuid().nullable(), title: z.string() }).nullable(),
  locations: z.array(AlertLocation),
  suppression: AlertSuppression.nullable(),
  /** The slot at which the condition began to hold. */
  startedAt: z.string(),
  /** When that was known. */
  openedAt: z.string(),
  resolvedAt: z.string().nullable(),
  resolution: AlertResolution.nullable(),
});
export type Alert = z.infer<typeof Alert>;

/** One line of an alert's timeline. */
export const AlertEvent = z.object({
  id: z.number().int(),
  at: z.string(),
  kind: z.enum([
    "opened",
    "suppressed",
    "unsuppressed",
    "location_failed",
    "location_recovered",
    "evidence",
    "resolved",
  ]),
  text: z.string(),
});
export type AlertEvent = z.infer<typeof AlertEvent>;

/**
 * `timeline`: oldest first, the newest 500. `evidence`: by location; empty for an alert that was suppressed from its
 * beginning, and for jobs of types that have none (heartbeat, latency_api).
 */
export const AlertDetail = Alert.extend({ timeline: z.array(AlertEvent), evidence: z.array(AlertEvidence) });
export type AlertDetail = z.infer<typeof AlertDetail>;

/** Newest first. */
export const AlertListQuery = PageQuery.extend({
  /** `unresolved` is `open` and `suppressed`. */
  status: z.enum([...AlertStatus.options, "unresolved"]).optional(),
  severity: AlertSeverity.optional(),
  jobId: z.uuid().optional(),
  ruleId: z.uuid().optional(),
}).strict();
export type AlertListQuery = z.input<typeof AlertListQuery>;
export const AlertPage = pageOf(Alert);
export type AlertPage = z.infer<typeof AlertPage>;

const instant = z.iso.datetime({ offset: true });

/** By default the last 24 hours of the newest jobs that the rule selects. */
const dryRunShape = {
  from: instant.optional(),
  to: instant.optional(),
  jobIds: z.array(z.uuid()).min(1).max(50).optional(),
};
export const AlertRuleDryRunBody = z.strictObject(dryRunShape);
/** Of a rule that is not saved. */
export const AlertDryRunBody = z.strictObject({ rule: AlertRuleCreate, ...dryRunShape });
export type AlertDryRunBody = z.input<typeof AlertDryRunBody>;

/** A stretch in which the alert would have been open. */
export const AlertFiring = z.object({
  from: z.string(),
  /** Null when it would still be. */
  to: z.string().nullable(),
  /** A maintenance window would have suppressed it from its beginning. */
  isSuppressed: z.boolean(),
});
export type AlertFiring = z.infer<typeof AlertFiring>;

export const AlertDryRun = z.object({
  from: z.string(),
  to: z.string(),
  jobs: z.array(
    z.object({
      job: z.object({ id: z.uuid(), title: z.string() }),
      /** Later than asked for where the window holds more samples, or firings, than one dry run may tell of. */
      from: z.string(),
      sampleCount: z.number().int(),
      firings: z.array(AlertFiring),
    }),
  ),
  /** Jobs that the rule selects; those beyond `jobs` were left out. */
  jobCount: z.number().int(),
  alertCount: z.number().int(),
});
export type AlertDryRun = z.infer<typeof AlertDryRun>;

const timeZone = z.string().max(100).refine(isTimeZone, "must be a time zone such as Europe/Vienna");

/** `recurring`: begins whenever the cron expression says in the time zone, and lasts so many minutes of real time. */
export const MaintenanceSchedule = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("once"), from: instant, to: instant }),
  z.strictObject({
    kind: z.literal("recurring"),
    /** Minute, hour, day of month, month, day of week: `0 2 * * SUN`. */
    cron: z
      .string()
      .max(200)
      .regex(/^\S+(?: \S+){4}$/, "must have five fields: minute, hour, day, month, weekday"),
    durationMinutes: z.number().int().min(1).max(10_080),
    timeZone,
  }),
]);
export type MaintenanceSchedule = z.infer<typeof MaintenanceSchedule>;

const windowShape = {
  name,
  selector: JobSelector,
  schedule: MaintenanceSchedule,
  isEnabled: z.boolean(),
};
export const MaintenanceWindowCreate = z.strictObject({
  ...windowShape,
  selector: JobSelector.default({ kind: "all" }),
  isEnabled: z.boolean().default(true),
});
export type MaintenanceWindowCreate = z.input<typeof MaintenanceWindowCreate>;
export const MaintenanceWindowPatch = z.strictObject(windowShape).partial();
export type MaintenanceWindowPatch = z.input<typeof MaintenanceWindowPatch>;

export const MaintenanceWindow = z.object({
  id: z.uuid(),
  ...windowShape,
  /** The occurrence that is under way, otherwise the next one; null when there is none. */
  occurrence: z.object({ from: z.string(), to: z.string() }).nullable(),
  isActive: z.boolean(),
  version: z.number().int(),
  createdAt: z.string(),
  updatedAt: z.string(),
});
export type MaintenanceWindow = z.infer<typeof MaintenanceWindow>;
export const MaintenanceWindowPage = pageOf(MaintenanceWindow);
export type MaintenanceWindowPage = z.infer<typeof MaintenanceWindowPage>;

/** A job that is reached only through its parent: while the parent is down, its own alerts are suppressed. */
export const JobParent = z.strictObject({ parentId: z.uuid().nullable() });
export type JobParent = z.infer<typeof JobParent>;

const JobRelative = z.object({ id: z.uuid(), title: z.string(), target: z.string() });

/** What a job is reached through, and what is reached through it. */
export const JobFamily = z.object({
  parentId: z.uuid().nullable(),
  parent: JobRelative.nullable(),
  /** By title, at most 100; `childCount` counts all. */
  children: z.array(JobRelative),
  childCount: z.number().int(),
});
export type JobFamily = z.infer<typeof JobFamily>;

function isTimeZone(text: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: text }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}
