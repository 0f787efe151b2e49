// What a rule would have done: recorded history through the same evaluator, before the rule is switched on.
import { setImmediate as nextTurn } from "node:timers/promises";
import type { AlertDryRun, AlertRuleDryRunBody, JobSelector } from "@nightbell/contract";
import { sql } from "kysely";
import type { z } from "zod";
import type { Db, DatabaseHandle } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import { type Grid, readGrids } from "../jobs/index.js";
import { type ReplayedSample, replayBetween, statusCodes } from "../samples/index.js";
import { ActiveTimes, selects } from "./maintenance.js";
import { RuleStates } from "./rule-states.js";
import type { NewRule } from "./rules.js";
import { enabledWindows, type WindowRow } from "./situations.js";

const DEFAULT_SPAN_MS = 86_400_000;
const MAX_SPAN_MS = 31 * 86_400_000;
/** Jobs that are looked at where none are named. */
const DEFAULT_JOBS = 20;
/** Samples of one dry run, shared by its jobs: a second or two. */
const MAX_SAMPLES = 200_000;
/** Of one job, the newest. */
const MAX_FIRINGS = 1_000;

interface DryRunJob {
  id: string;
  job_no: number;
  title: string;
  type: string;
  location_count: number;
}

/** Throws `validation_failed` for a window that is empty or too long, `not_found` for a job of others. */
export async function dryRun(
  database: DatabaseHandle,
  organisationId: string,
  rule: Pick<NewRule, "selector" | "condition" | "quorum">,
  query: z.output<typeof AlertRuleDryRunBody>,
  now: number,
): Promise<AlertDryRun> {
  const { db } = database;
  const window = windowOf(query, now);
  const { jobs, jobCount } = await jobsOf(db, organisationId, rule.selector, query.jobIds);
  const maintenance = await enabledWindows(db, organisationId);
  const results: AlertDryRun["jobs"] = [];
  for (const job of jobs) {
    const windows = maintenance.filter(({ selector }) => selects(selector, job));
    const grids = await readGrids(db, job.job_no, window.from, window.to);
    const maxSlots = Math.floor(MAX_SAMPLES / jobs.length / job.location_count);
    results.push(await dryRunOf(database, rule, job, grids, window, maxSlots, windows));
  }
  return {
    from: new Date(window.from).toISOString(),
    to: new Date(window.to).toISOString(),
    jobs: results,
    jobCount,
    alertCount: results.reduce((sum, { firings }) => sum + firings.length, 0),
  };
}

async function dryRunOf(
  database: DatabaseHandle,
  rule: Pick<NewRule, "condition" | "quorum">,
  job: DryRunJob,
  grids: readonly Grid[],
  window: { from: number; to: number },
  maxSlots: number,
  maintenance: readonly WindowRow[],
): Promise<AlertDryRun["jobs"][number]> {
  const { from, samples } = replayBetween(database, { jobNo: job.job_no, grids }, window, maxSlots);
  const run = new Rehearsal(rule, job.location_count);
  let sampleCount = 0;
  for await (const some of samples) {
    sampleCount += some.length;
    for (const sample of some) run.take(sample);
  }
  const firings = run.firings.slice(-MAX_FIRINGS);
  const isWhole = firings.length === run.firings.length;
  return {
    job: { id: job.id, title: job.title },
    from: new Date(isWhole ? from : (firings[0]?.from ?? from)).toISOString(),
    sampleCount,
    firings: await withSuppression(firings, maintenance),
  };
}

/** A turn of the event loop for each, since a calendar may be slow to look through. */
async function withSuppression(
  firings: Rehearsal["firings"],
  maintenance: readonly WindowRow[],
): Promise<AlertDryRun["jobs"][number]["firings"]> {
  const times = new ActiveTimes();
  const shown = [];
  for (const { from, to } of firings) {
    shown.push({
      from: new Date(from).toISOString(),
      to: to === null ? null : new Date(to).toISOString(),
      isSuppressed: maintenance.some(({ schedule }) => times.isActive(schedule, from)),
    });
    if (maintenance.length > 0) await nextTurn();
  }
  return shown;
}

/** One rule and one job, from their samples in the order of slots. */
export class Rehearsal {
  readonly firings: { from: number; to: number | null }[] = [];
  readonly #states: RuleStates;
  readonly #needed: number;
  readonly #rows = new Map<number, number>();
  readonly #bad = new Set<number>();

  constructor(rule: Pick<NewRule, "condition" | "quorum">, locationCount: number) {
    this.#states = new RuleStates(rule.condition);
    this.#needed = Math.min(rule.quorum === "all" ? Infinity : rule.quorum, locationCount);
  }

  take(sample: ReplayedSample): void {
    if (sample.status === statusCodes.system_error) return;
    const { locationNo, slot } = sample;
    const row = this.#rows.get(locationNo) ?? this.#states.add(false);
    this.#rows.set(locationNo, row);
    this.#states.take(row, sample);
    if (this.#states.isBad(row)) this.#bad.add(locationNo);
    else this.#bad.delete(locationNo);
    const last = this.firings.at(-1);
    const isFiring = last?.to === null;
    if (this.#bad.size >= this.#needed && !isFiring) this.firings.push({ from: slot, to: null });
    if (this.#bad.size < this.#needed && isFiring) last.to = slot;
  }
}

function windowOf(query: { from?: string | undefined; to?: string | undefined }, now: number) {
  const to = Math.min(query.to === undefined ? now : Date.parse(query.to), now);
  const from = query.from === undefined ? to - DEFAULT_SPAN_MS : Date.parse(query.from);
  if (from < to && to - from <= MAX_SPAN_MS) return { from, to };
  const message = from < to ? "must lie at most 31 days before `to`" : "must lie before `to`, in the past";
  throw new NightbellError("validation_failed", `from: ${message}`, { errors: [{ path: "from", message }] });
}

/** The jobs named, or the newest of those the rule selects. By the primary key or jobs_by_organisation. */
async function jobsOf(
  db: Db,
  organisationId: string,
  selector: JobSelector,
  jobIds: readonly string[] | undefined,
): Promise<{ jobs: DryRunJob[]; jobCount: number }> {
  const named = jobIds ?? (selector.kind === "jobs" ? selector.jobIds : null);
  const isWanted =
    named !== null
      ? sql`id = any(${named}::uuid[])`
      : sql`${selector.kind === "type" ? selector.type : null}::text is null or type = ${selector.kind === "type" ? selector.type : null}`;
  const { rows } = await sql<DryRunJob & { total: number }>`
    select id, job_no, title, type, cardinality(locations) as location_count, count(*) over () as total
    from jobs where organisation_id = ${organisationId} and (${isWanted})
    order by created_at desc, id desc limit ${jobIds?.length ?? DEFAULT_JOBS}`.execute(db);
  if (jobIds !== undefined && rows.length < jobIds.length) {
    throw new NightbellError("not_found", "There is no such job in your organisation.");
  }
  return { jobs: rows, jobCount: rows[0]?.total ?? 0 };
}
