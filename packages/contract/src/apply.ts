// Jobs as code (M20): a set of jobs as files describe it, and what has to change for it to be so.
import { z } from "zod";
import { JobCreate, JobKey, SetName } from "./jobs.js";

/** At most so many jobs belong to a set as files describe it; more go into several sets. */
export const MAX_APPLIED_JOBS = 1_000;

export const AppliedJob = JobCreate.refine(({ key }) => key !== null, {
  message: "is required: the name by which the job is found again",
  path: ["key"],
});

export const JobApplyBody = z.strictObject({
  set: SetName.default("default"),
  jobs: z.array(z.unknown()).max(MAX_APPLIED_JOBS),
  /** Deletes the jobs that this set made and that are no longer in it. */
  prune: z.boolean().default(false),
  /** Only says what would change. */
  dryRun: z.boolean().default(false),
  /** `plan` of an earlier answer: refused when something else would change by now. */
  expectedPlan: z.string().max(100).optional(),
});
export type JobApplyBody = z.input<typeof JobApplyBody>;

export const JobAction = z.object({
  /** `orphan`: this set made it and no longer describes it; `prune` would delete it. */
  action: z.enum(["create", "update", "unchanged", "orphan", "delete"]),
  key: JobKey,
  title: z.string(),
  /** Null for a job that is yet to be created. */
  jobId: z.uuid().nullable(),
  /** Of an update; paths are dotted, absent values null. */
  changes: z.array(z.object({ path: z.string(), from: z.unknown(), to: z.unknown() })),
});
export type JobAction = z.infer<typeof JobAction>;

export const JobApplyResult = z.object({
  /** Changes with the actions; send it back as `expectedPlan`. */
  plan: z.string(),
  isApplied: z.boolean(),
  /** In the order of the jobs given, then those no longer described. */
  actions: z.array(JobAction),
});
export type JobApplyResult = z.infer<typeof JobApplyResult>;
