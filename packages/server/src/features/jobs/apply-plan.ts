// What has to change for the jobs of a set to be as its files describe them (M20). Pure.
import { type JobAction, optionsByType } from "@nightbell/contract";
import { isDeepStrictEqual } from "node:util";
import type { FieldError } from "../../platform/errors.js";
import type { NewJob } from "./create.js";
import { type Patch, rewriting } from "./edit.js";
import { type JobRow, wholeJob } from "./row.js";

export type KeyedJob = NewJob & { key: string };

/** What a file may say of a job that exists; its type is compared apart, as it cannot change. */
const FIELDS = [
  "title",
  "target",
  "options",
  "cadenceSeconds",
  "durationSeconds",
  "monitoringMode",
  "simulation",
  "locations",
  "thresholds",
] as const satisfies (keyof NewJob & keyof Patch)[];

export interface ApplyPlan<Row extends JobRow> {
  readonly actions: JobAction[];
  readonly creates: KeyedJob[];
  readonly updates: { readonly row: Row; readonly index: number; readonly patch: Patch }[];
  readonly deletes: Row[];
  /** What cannot be done, with paths below `jobs`; without any of these the plan can be carried out. */
  readonly errors: FieldError[];
}

/** `rows` are the jobs that have one of the keys or that the set made. */
export function planApply<Row extends JobRow>(
  rows: readonly Row[],
  jobs: readonly KeyedJob[],
  { set, prune }: { set: string; prune: boolean },
): ApplyPlan<Row> {
  const plan: ApplyPlan<Row> = { actions: [], creates: [], updates: [], deletes: [], errors: [] };
  const byKey = new Map(rows.flatMap((row) => (row.key === null ? [] : [[row.key, row] as const])));
  const described = new Map<string, number>();
  for (const [index, job] of jobs.entries()) {
    const refuse = (field: string, message: string) =>
      plan.errors.push({ path: `jobs.${index}.${field}`, message });
    const earlier = described.get(job.key);
    if (earlier !== undefined) {
      refuse("key", `is also the key of jobs.${earlier}`);
      continue;
    }
    described.set(job.key, index);
    const row = byKey.get(job.key);
    if (row === undefined) {
      plan.creates.push(job);
      plan.actions.push({ action: "create", key: job.key, title: job.title, jobId: null, changes: [] });
      continue;
    }
    if (row.managed_by !== null && row.managed_by !== set) {
      refuse("key", `belongs to the set ${row.managed_by}`);
      continue;
    }
    if (row.type !== job.type) {
      refuse(
        "type",
        `cannot change from ${row.type}, as its history would mix two measurements; give it a new key`,
      );
      continue;
    }
    const patch = differences(row, job);
    const reason = rewriting(row, Object.keys(patch));
    if (reason !== null) refuse("key", `${reason} Give the entry a new key to measure anew.`);
    const changes = changesOf(row, patch);
    if (changes.length > 0) plan.updates.push({ row, index, patch });
    plan.actions.push({
      action: changes.length > 0 ? "update" : "unchanged",
      key: job.key,
      title: job.title,
      jobId: row.id,
      changes,
    });
  }
  for (const row of rows) {
    if (row.managed_by !== set || row.key === null || described.has(row.key)) continue;
    if (prune) plan.deletes.push(row);
    const action = prune ? "delete" : "orphan";
    plan.actions.push({ action, key: row.key, title: row.title, jobId: row.id, changes: [] });
  }
  return plan;
}

/** The fields that differ. What the row's options leave out, because they are older than an option, has its default. */
function differences(row: JobRow, job: KeyedJob): Patch {
  const current = currentOf(row);
  const differing = FIELDS.filter((field) => !isDeepStrictEqual(current[field], job[field]));
  return Object.fromEntries(differing.map((field) => [field, job[field]]));
}

function currentOf(row: JobRow) {
  const options = optionsByType[row.type].safeParse(row.options);
  return { ...wholeJob(row), ...(options.success && { options: options.data as Record<string, unknown> }) };
}

function changesOf(row: JobRow, patch: Patch): JobAction["changes"] {
  const current = currentOf(row);
  return FIELDS.flatMap((field) =>
    patch[field] === undefined ? [] : leafChanges(field, current[field], patch[field]),
  );
}

/** Objects are compared field by field, everything else as a whole. */
function leafChanges(path: string, from: unknown, to: unknown): JobAction["changes"] {
  if (isDeepStrictEqual(from, to)) return [];
  if (!isObject(from) || !isObject(to)) return [{ path, from: from ?? null, to: to ?? null }];
  const keys = new Set([...Object.keys(from), ...Object.keys(to)]);
  return [...keys].flatMap((key) => leafChanges(`${path}.${key}`, from[key], to[key]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
