// The newest figures of each running job of an organisation, as series for Prometheus. How many there may be is bounded.
import { healthOf, type JobRecent } from "@nightbell/contract";
import { Gauge, Registry } from "prom-client";
import type { Clock } from "../../platform/clock.js";
import type { DatabaseHandle } from "../../platform/db.js";
import type { MetricsJson } from "../../platform/metrics.js";
import { type JobRow, selectJobs } from "../jobs/index.js";
import { readRecent, withNewestGrids } from "../samples/index.js";
import { countRunning, oldestRunning } from "./queries.js";

/** Shorter than any usual scrape interval; two servers that scrape the same cost as much as one. */
const FRESH_MS = 5_000;
/** Answers kept, of a few hundred bytes a job; beyond, the oldest leaves. */
const MAX_KEPT = 20;
/** Jobs a statement reads, 30 samples of each. */
const BATCH = 500;

export interface JobMetricsOptions {
  readonly database: DatabaseHandle;
  readonly clock: Clock;
  /** JOB_METRICS_LIMIT */
  readonly limit: number;
}

export class JobMetrics {
  readonly #options: JobMetricsOptions;
  readonly #kept = new Map<string, { readAt: number; metrics: Promise<MetricsJson> }>();

  constructor(options: JobMetricsOptions) {
    this.#options = options;
  }

  /** At most five seconds old; who asks while it is read waits for the same answer. */
  collect(organisationId: string): Promise<MetricsJson> {
    const now = this.#options.clock.now();
    const kept = this.#kept.get(organisationId);
    if (kept !== undefined && Math.abs(now - kept.readAt) < FRESH_MS) return kept.metrics;
    const read = { readAt: now, metrics: this.#read(organisationId, now) };
    this.#kept.delete(organisationId);
    this.#kept.set(organisationId, read);
    read.metrics.catch(() => {
      if (this.#kept.get(organisationId) === read) this.#kept.delete(organisationId);
    });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return read.metrics;
  }

  async #read(organisationId: string, now: number): Promise<MetricsJson> {
    const { database, limit } = this.#options;
    const [ids, runningCount] = await Promise.all([
      oldestRunning(database.db, organisationId, limit),
      countRunning(database.db, organisationId),
    ]);
    const gauges = createGauges();
    gauges.omitted.set(Math.max(0, runningCount - ids.length));
    for (let at = 0; at < ids.length; at += BATCH) {
      const rows = await selectJobs(database.db, organisationId, ids.slice(at, at + BATCH));
      const recent = await readRecent(database, await withNewestGrids(database, rows), now);
      for (const [index, row] of rows.entries()) show(gauges, row, recent[index]);
    }
    return gauges.registry.getMetricsAsJSON();
  }
}

type Gauges = ReturnType<typeof createGauges>;

function createGauges() {
  const registry = new Registry();
  const perJob = (name: string, help: string) =>
    new Gauge({ name, help, labelNames: ["job_id", "title", "type"], registers: [registry] });
  return {
    registry,
    omitted: new Gauge({
      name: "nightbell_job_series_omitted",
      help: "Running jobs of this organisation beyond JOB_METRICS_LIMIT, which have no series here",
      registers: [registry],
    }),
    up: perJob(
      "nightbell_job_up",
      "1 when the target answers, 0 when it does not; none while that is unknown",
    ),
    rtt: perJob(
      "nightbell_job_rtt_seconds",
      "Round-trip time of the newest sample; none unless it is a success",
    ),
    loss: perJob("nightbell_job_loss_ratio", "Missed over success and missed, of the last 30 slots"),
    sampled: perJob("nightbell_job_last_sample_timestamp_seconds", "When the newest sample was recorded"),
  };
}

/** What is not known has no series, rather than one that says something else. */
function show(gauges: Gauges, { id, title, type }: JobRow, recent: JobRecent | undefined): void {
  if (recent === undefined) return;
  const labels = { job_id: id, title, type };
  const health = healthOf(recent.points);
  if (health === "up" || health === "down") gauges.up.set(labels, health === "up" ? 1 : 0);
  if (recent.lastStatus === "success" && recent.lastRttMs !== null) {
    gauges.rtt.set(labels, recent.lastRttMs / 1_000);
  }
  if (recent.lossPercent !== null) gauges.loss.set(labels, recent.lossPercent / 100);
  if (recent.lastRecordedAt !== null) gauges.sampled.set(labels, Date.parse(recent.lastRecordedAt) / 1_000);
}
