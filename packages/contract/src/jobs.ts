import { z } from "zod";
import { PageQuery, pageOf } from "./pagination.js";
import { JobType, optionsByType, ProbeType } from "./probes.js";
import { hiddenPaths } from "./secrets.js";
import { targetSchema } from "./targets.js";

/** pending → running ⇄ paused → completed / cancelled (M1). */
export const JobStatus = z.enum(["pending", "running", "paused", "completed", "cancelled"]);
export type JobStatus = z.infer<typeof JobStatus>;

export const MonitoringMode = z.enum(["real_polling", "simulated"]);
export type MonitoringMode = z.infer<typeof MonitoringMode>;

export const DEFAULT_LOCATION = "default";

const cadenceSeconds = z
  .number()
  .min(0.1, "must be at least 0.1 seconds")
  .max(86_400, "must be at most 86400 seconds (a day)")
  .refine(
    (seconds) => Number.isInteger(Math.round(seconds * 1e6) / 1e3),
    "must be a whole number of milliseconds",
  );

const durationSeconds = z
  .number()
  .int("must be a whole number of seconds")
  .min(1, "must be at least 1 second")
  .max(315_360_000, "must be at most 315360000 seconds (ten years)")
  .nullable();

const location = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,49}$/, "must be a location name: lower-case letters, digits and hyphens");

/** A job's name in the files that describe it, unique in its organisation. */
export const JobKey = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$/,
    "must be at most 200 letters, digits, dots, dashes, underscores and slashes, and begin with a letter or digit",
  );

/** A set of files that `nightbell apply` keeps jobs in. */
export const SetName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,49}$/, "must be lower-case letters, digits and hyphens, at most 50");

/** Limits that the charts draw and the alert rules of a job start from. */
export const Thresholds = z.strictObject({
  warningRttMs: z.number().positive().max(60_000).nullable().default(null),
  criticalRttMs: z.number().positive().max(60_000).nullable().default(null),
  lossPercent: z.number().min(0).max(100).nullable().default(null),
});
export type Thresholds = z.infer<typeof Thresholds>;

/** What the simulator does in `simulated` mode; a pure function of these, the job and the slot. */
export const Simulation = z.strictObject({
  latencyMs: z.number().min(0).max(60_000).default(20),
  jitterMs: z.number().min(0).max(10_000).default(2),
  lossPercent: z.number().min(0).max(100).default(0),
  systemErrorPercent: z.number().min(0).max(100).default(0),
  /** Every so many seconds an outage begins; null for none. */
  outageEverySeconds: z.number().int().min(1).max(86_400).nullable().default(null),
  outageSeconds: z.number().int().min(1).max(86_400).default(30),
});
export type Simulation = z.infer<typeof Simulation>;

const shape = {
  key: JobKey.nullable(),
  title: z.string().trim().min(1, "must not be empty").max(200, "must have at most 200 characters"),
  type: JobType,
  target: z.string().trim().min(1, "must not be empty").max(2_000),
  options: z.record(z.string(), z.unknown()),
  cadenceSeconds,
  durationSeconds,
  monitoringMode: MonitoringMode,
  simulation: Simulation,
  locations: z
    .array(location)
    .min(1)
    .max(50)
    .refine((all) => new Set(all).size === all.length, "must not repeat a location"),
  thresholds: Thresholds,
};

export const JobCreate = z
  .strictObject({
    ...shape,
    key: shape.key.default(null),
    options: shape.options.default({}),
    durationSeconds: durationSeconds.default(null),
    monitoringMode: MonitoringMode.default("real_polling"),
    simulation: Simulation.prefault({}),
    locations: shape.locations.default([DEFAULT_LOCATION]),
    thresholds: Thresholds.prefault({}),
  })
  .superRefine((job, context) => checkTyped(job, context));
export type JobCreate = z.input<typeof JobCreate>;

/** Absent fields stay as they are. `type` cannot be changed: its history would mix two measurements. */
export const JobPatch = z.strictObject({
  key: shape.key.optional(),
  title: shape.title.optional(),
  target: shape.target.optional(),
  options: shape.options.optional(),
  cadenceSeconds: cadenceSeconds.optional(),
  durationSeconds: durationSeconds.optional(),
  monitoringMode: MonitoringMode.optional(),
  simulation: Simulation.optional(),
  locations: shape.locations.optional(),
  thresholds: Thresholds.optional(),
});
export type JobPatch = z.input<typeof JobPatch>;

export const Job = z.object({
  id: z.uuid(),
  key: z.string().nullable(),
  /** The set of files that made it (`POST /api/jobs/apply`); null for a job made by hand. */
  managedBy: z.string().nullable(),
  title: z.string(),
  type: JobType,
  target: z.string(),
  /** What the probe sends is `(hidden)` for roles that may not edit jobs: values of headers, bodies, messages. */
  options: z.record(z.string(), z.unknown()),
  cadenceSeconds: z.number(),
  durationSeconds: z.number().nullable(),
  monitoringMode: MonitoringMode,
  simulation: Simulation,
  locations: z.array(z.string()),
  thresholds: Thresholds,
  status: JobStatus,
  requester: z.object({ id: z.uuid(), name: z.string() }).nullable(),
  /** Rises with every edit; send it back as `If-Match: "<version>"`. */
  version: z.number().int(),
  createdAt: z.string(),
  updatedAt: z.string(),
  startedAt: z.string().nullable(),
  /** When the duration ends, known once the job started; null for an endless job. */
  endsAt: z.string().nullable(),
  completedAt: z.string().nullable(),
});
export type Job = z.infer<typeof Job>;

export const JobSort = z.enum([
  "createdAt",
  "-createdAt",
  "title",
  "-title",
  "status",
  "-status",
  "cadenceSeconds",
  "-cadenceSeconds",
]);

export const JobListQuery = PageQuery.extend({
  status: JobStatus.optional(),
  type: JobType.optional(),
  /** Part of the title or target, in any case. */
  search: z.string().trim().min(1).max(200).optional(),
  sort: JobSort.default("-createdAt"),
}).strict();
export type JobListQuery = z.input<typeof JobListQuery>;

export const JobPage = pageOf(Job);
export type JobPage = z.infer<typeof JobPage>;

export const JobBulkBody = z.strictObject({
  action: z.enum(["pause", "resume", "cancel", "delete"]),
  ids: z.array(z.uuid()).min(1).max(1_000),
});
/** `failed` says for each job left alone why. */
export const JobBulkResult = z.object({
  succeeded: z.array(z.uuid()),
  failed: z.array(z.object({ id: z.uuid(), code: z.string(), message: z.string() })),
});

export const JobImportBody = z.strictObject({ jobs: z.array(z.unknown()).min(1).max(1_000) });
/** All or nothing: `errors` of a refused import name the index in their path. */
export const JobImportResult = z.object({ created: z.array(Job) });

/** The last samples of some jobs, for the list's sparklines. */
export const RecentQuery = z.strictObject({
  ids: z
    .string()
    .transform((text) => text.split(","))
    .pipe(z.array(z.uuid()).min(1).max(100)),
});
export const JobRecent = z.object({
  jobId: z.uuid(),
  lastStatus: z.enum(["success", "missed", "system_error"]).nullable(),
  lastRecordedAt: z.string().nullable(),
  lastRttMs: z.number().nullable(),
  /** Of the points below, `missed` over `success + missed`; null without either. */
  lossPercent: z.number().nullable(),
  /** Oldest first, one per slot, at most 30; null where the slot has no sample. */
  points: z.array(
    z
      .object({ rttMs: z.number().nullable(), status: z.enum(["success", "missed", "system_error"]) })
      .nullable(),
  ),
});
export type JobRecent = z.infer<typeof JobRecent>;
export const JobRecentList = z.object({ data: z.array(JobRecent) });

export const ProbeTestBody = z
  .strictObject({ type: ProbeType, target: shape.target, options: shape.options.default({}) })
  .superRefine((probe, context) => checkTyped(probe, context));
export type ProbeTestBody = z.input<typeof ProbeTestBody>;

/** Checks target and options by the type and fills in the options' defaults; issues carry their path. */
export function checkTyped(
  probe: { type: JobType; target: string; options: Record<string, unknown> },
  context: { addIssue(issue: { code: "custom"; message: string; path: PropertyKey[] }): void },
): void {
  const target = targetSchema(probe.type).safeParse(probe.target);
  for (const issue of target.error?.issues ?? []) {
    context.addIssue({ code: "custom", message: issue.message, path: ["target"] });
  }
  const options = optionsByType[probe.type].safeParse(probe.options);
  for (const issue of options.error?.issues ?? []) {
    const keys = issue.code === "unrecognized_keys" ? issue.keys.map((key) => [key]) : [[]];
    for (const key of keys) {
      context.addIssue({
        code: "custom",
        message: issue.message,
        path: ["options", ...issue.path, ...key],
      });
    }
  }
  for (const path of hiddenPaths(probe.options)) {
    context.addIssue({
      code: "custom",
      message: "was hidden where this came from",
      path: ["options", ...path],
    });
  }
  if (options.success) probe.options = options.data;
}
