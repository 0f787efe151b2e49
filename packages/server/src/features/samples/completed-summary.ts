// What a completed job came to: stored once its last samples are in, and then told to its requester (M14).
import type { Series, Summary } from "@nightbell/contract";
import type { Clock } from "../../platform/clock.js";
import type { DatabaseHandle } from "../../platform/db.js";
import type { WorkTable } from "../../platform/lease.js";
import type { Handler } from "../../platform/worker.js";
import { readGrids } from "../jobs/index.js";
import { type SampledJob, sampledJob } from "./sampled-job.js";
import { readSeries } from "./series.js";
import { readSummary } from "./summary.js";
import { settlesInMs, type Window, type WindowQuery } from "./window.js";

/** The table of this work; a row is there from the completion of its job on. */
export const SUMMARY_WORK = "job_summaries";

/** Points of the stored series: as many as a chart in an email has bars. */
const COMPLETION_POINTS = 60;

/** While samples are missing that may still come, it looks again so often. */
const LOOK_AGAIN_MS = 500;

export interface SummarizeContext {
  readonly database: DatabaseHandle;
  readonly table: WorkTable;
  readonly clock: Clock;
  /** A mail is due. */
  readonly onStored: () => void;
}

/** Stores the summary of the job of that id and makes its mail due, in one transaction. */
export function summarizeJob({ database, table, clock, onStored }: SummarizeContext): Handler {
  const { db } = database;
  return async (lease) => {
    const now = clock.now();
    const job = await findJobOfWork(database, lease.id);
    if (job === null) return; // Deleted, and the row with it.
    const summary = await readSummary(database, job, {}, now);
    const window = { from: Date.parse(summary.from), to: Date.parse(summary.to) };
    const waitMs = settlesInMs(job, window, summary.sampleCount, now);
    if (waitMs > 0) {
      await table.release(db, lease, Math.min(waitMs, LOOK_AGAIN_MS));
      return;
    }
    const series = await seriesOf(database, job, window, now);
    await db.transaction().execute(async (tx) => {
      await table.release(tx, lease, null);
      await tx
        .updateTable("job_summaries")
        .set({ summary: JSON.stringify(summary), series: JSON.stringify(series) })
        .where("id", "=", lease.id)
        .execute();
      await tx
        .updateTable("mails")
        .set((eb) => ({ due_at: eb.fn<Date>("now") }))
        .where("job_id", "=", lease.id)
        .where("status", "=", "waiting")
        .execute();
    });
    // Killed here, the mail is found by the next look.
    onStored();
  };
}

/**
 * The summary of the whole job: for a completed one what was stored, unless samples that came late know more. Served by
 * the primary key.
 */
export async function readWholeSummary(
  database: DatabaseHandle,
  job: SampledJob,
  query: WindowQuery,
  now: number,
): Promise<Summary> {
  const row = await database.db
    .selectFrom("job_summaries")
    .select("summary")
    .where("id", "=", job.id)
    .executeTakeFirst();
  const stored = row?.summary ?? null;
  if (stored !== null && stored.sampleCount >= stored.expectedCount) return stored;
  const read = await readSummary(database, job, query, now);
  // Samples leave in the end; what was stored stays.
  return stored !== null && stored.sampleCount > read.sampleCount ? stored : read;
}

async function seriesOf(
  database: DatabaseHandle,
  job: SampledJob,
  { from, to }: Window,
  now: number,
): Promise<Series> {
  const [fromText, toText] = [new Date(from).toISOString(), new Date(to).toISOString()];
  if (from >= to) return { resolution: "raw", from: fromText, to: toText, points: [] };
  return readSeries(database, job, { from: fromText, to: toText, points: COMPLETION_POINTS }, now);
}

async function findJobOfWork({ db }: DatabaseHandle, id: string): Promise<SampledJob | null> {
  const row = await db
    .selectFrom("jobs")
    .select(["id", "job_no", "options", "locations"])
    .where("id", "=", id)
    .executeTakeFirst();
  if (row === undefined) return null;
  return sampledJob(row, await readGrids(db, row.job_no, 0, Number.MAX_SAFE_INTEGER));
}
