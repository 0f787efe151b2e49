// The role that measures: the jobs of a location, or its share of them.
import { hostname } from "node:os";
import { join } from "node:path";
import { Registry } from "prom-client";
import { readHeartbeats } from "../../features/heartbeats/index.js";
import { ALERT_RULES_CHANNEL, AlertEngine, recordDatabaseOutage } from "../../features/alerts/index.js";
import {
  DatabaseEvidence,
  EVIDENCE_CHANNEL,
  evidenceMetrics,
  EvidenceRunner,
} from "../../features/evidence/index.js";
import { completeJobs, JOBS_CHANNEL, startPendingJobs } from "../../features/jobs/index.js";
import {
  isNewsAt,
  locationNumber,
  Membership,
  POLLERS_CHANNEL,
  PostgresRoster,
} from "../../features/pollers/index.js";
import { createOneShotProber, Poller, PostgresJobs } from "../../features/probing/index.js";
import { PostgresStore, SampleWriter } from "../../features/samples/index.js";
import { Bus } from "../../platform/bus.js";
import { systemClock } from "../../platform/clock.js";
import { openDatabase, REQUEST_STATEMENT_TIMEOUT_MS } from "../../platform/db.js";
import { addProcessMetrics } from "../../platform/metrics.js";
import type { RoleContext, RunningPoller } from "./role.js";

export const DEFAULT_DATA_DIR = ".nightbell";
/** Of the time to drain, how much the other pollers may use to take over. */
export const HAND_OVER_SHARE = 0.5;

export async function startPoller({ config, database, log }: RoleContext): Promise<RunningPoller> {
  const { db, url } = database;
  const { REPLICA_COUNT: count, REPLICA_ID: id, POLLER_LOCATION: location } = config;
  const clock = systemClock;
  const registry = new Registry();
  addProcessMetrics(registry, "poller");
  const alerts = new AlertEngine({ database, clock, log, registry });
  const sink = await SampleWriter.open({
    store: new PostgresStore(database, log),
    spoolFolder: join(config.NIGHTBELL_DATA_DIR ?? DEFAULT_DATA_DIR, "spool"),
    spoolMaxBytes: config.SPOOL_MAX_MB * 1024 ** 2,
    batchSize: config.BATCH_SIZE,
    flushIntervalMs: config.BATCH_FLUSH_INTERVAL_MS,
    log,
    registry,
    onConfirmed: (samples) => alerts.samplesStored(samples),
    onOutageOver: (from, to) => {
      recordDatabaseOutage(db, from, to).catch((error: unknown) =>
        log.warn({ err: error }, "the outage of the database could not be recorded"),
      );
    },
  });
  await alerts.start();
  const locationNo = await locationNumber(db, location);
  // A connection of its own: its statements end while a slot can still say that the database gave no answer.
  const heartbeats = openDatabase(url, {
    poolSize: 1,
    applicationName: "nightbell heartbeats",
    statementTimeoutMs: REQUEST_STATEMENT_TIMEOUT_MS,
    onError: (error) => log.debug({ err: error }, "the connection for heartbeats broke"),
  });
  let poller: Poller | null = null;
  const membership = await Membership.join({
    roster: new PostgresRoster(url, {
      locationNo,
      name: placeName(config.POLLER_NAME ?? hostname(), sink.place),
    }),
    place: { location, organisationId: null },
    replica: count > 1 ? { mode: "static", count, id } : null,
    load: () => poller?.load() ?? { jobCount: 0, samplesPerSecond: 0, latenessP99Ms: null },
    shareChanged: () => poller?.wake(),
    clock,
    log,
    registry,
  });
  poller = await Poller.start({
    source: new PostgresJobs(db, (jobNos, now) => startPendingJobs(db, jobNos, now)),
    locationNo,
    shares: membership,
    compareIntervalMs: config.POLL_INTERVAL_MS,
    concurrency: config.CONCURRENCY,
    latencyApiUrl: config.LATENCY_API_URL,
    references: config.REFERENCE_TARGETS,
    sink,
    complete: (jobNos, now) => completeJobs(db, jobNos, now),
    readHeartbeats: (jobNos) => readHeartbeats(heartbeats.db, jobNos),
    changed: (jobNo) => alerts.forget(jobNo),
    clock,
    log,
    registry,
  });
  const running = poller;
  // Probes of its own, so that bursts and traces cost scheduled probes nothing.
  const prober = createOneShotProber({ latencyApiUrl: config.LATENCY_API_URL, log });
  const evidence = new EvidenceRunner({
    source: new DatabaseEvidence({ db, locationNo, shares: membership, owner: membership.id }),
    prober,
    metrics: evidenceMetrics(registry),
    clock,
    log,
  });
  const bus = new Bus(url, log);
  bus.subscribe(JOBS_CHANNEL, () => running.wake());
  bus.subscribe(POLLERS_CHANNEL, (payload) => {
    if (isNewsAt(locationNo, payload)) membership.wake();
  });
  bus.subscribe(ALERT_RULES_CHANNEL, () => alerts.wake());
  bus.subscribe(EVIDENCE_CHANNEL, () => evidence.wake());
  bus.start();
  return {
    metrics: () => registry.getMetricsAsJSON(),
    async stop(deadlineMs) {
      const deadline = clock.monotonic() + deadlineMs;
      const evidenceEnded = evidence.stop(deadlineMs * HAND_OVER_SHARE).then(() => prober.close());
      await membership.handOver(deadlineMs * HAND_OVER_SHARE);
      await bus.close();
      await running.stop(deadline - clock.monotonic());
      await heartbeats.close();
      await evidenceEnded;
      await alerts.stop(Math.max(0, deadline - clock.monotonic()));
      await membership.leave();
    },
  };
}

/** Several pollers of one machine are told apart. */
export function placeName(name: string, place: number): string {
  return place === 0 ? name : `${name} (${place + 1})`;
}
