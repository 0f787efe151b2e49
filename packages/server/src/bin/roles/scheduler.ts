// The role that keeps house: what must happen by itself, every so often.
import { setTimeout as sleep } from "node:timers/promises";
import { Registry } from "prom-client";
import { removeExpiredSessions } from "../../features/accounts/index.js";
import {
  forgetOldAlerts,
  settleAlerts,
  settleOfflineAlerts,
  settlePollerAlerts,
} from "../../features/alerts/index.js";
import { expireEvidence } from "../../features/evidence/index.js";
import { completeOverdueJobs, forgetDeletedJobs, removeExpiredKeys } from "../../features/jobs/index.js";
import { createUndertaker } from "../../features/pollers/index.js";
import {
  ageSamples,
  chunkerMetrics,
  ensurePartitions,
  keepRollups,
  removeChunksOf,
  removeRollupsOf,
  rollupMetrics,
  rollUpEndedJobs,
} from "../../features/samples/index.js";
import { systemClock as clock } from "../../platform/clock.js";
import { openDatabase } from "../../platform/db.js";
import { type RecurringTask, startRecurringTasks } from "../../platform/recurring-tasks.js";
import type { RoleContext, RunningScheduler } from "./role.js";

const CLOSE_TIMEOUT_MS = 1_000;
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Resolves when each short task has had its first turn, so that partitions exist before the first sample. */
export async function startScheduler({ config, database, log }: RoleContext): Promise<RunningScheduler> {
  const { db, pool, url } = database;
  const registry = new Registry();
  const ageing = { url, pool, db, clock, log, config, metrics: chunkerMetrics(registry) };
  const rollups = { pool, db, clock, config, metrics: rollupMetrics(registry) };
  const tasks: RecurringTask[] = [
    { name: "sample partitions", everyMs: MINUTE_MS, run: (now) => ensurePartitions(db, now) },
    { name: "overdue jobs", everyMs: SECOND_MS, run: (now) => completeOverdueJobs(db, now) },
    { name: "dead pollers", everyMs: SECOND_MS, run: createUndertaker(db, clock) },
    { name: "alerts", everyMs: SECOND_MS, run: (now) => settleAlerts(database, now) },
    { name: "evidence of alerts", everyMs: SECOND_MS, run: () => expireEvidence(db) },
    {
      name: "alerts about pollers",
      everyMs: SECOND_MS,
      run: async (now) => {
        await settlePollerAlerts(db, now);
        await settleOfflineAlerts(db, now);
      },
    },
    { name: "expired sessions", everyMs: HOUR_MS, run: (now) => removeExpiredSessions(db, now) },
    { name: "expired idempotency keys", everyMs: HOUR_MS, run: (now) => removeExpiredKeys(db, now) },
    {
      name: "old alerts",
      everyMs: HOUR_MS,
      isLong: true,
      run: (now, signal) => forgetOldAlerts(db, now - config.ALERT_RETENTION_DAYS * DAY_MS, signal),
    },
    {
      name: "deleted jobs",
      everyMs: HOUR_MS,
      isLong: true,
      run: (now) =>
        forgetDeletedJobs(db, now, async (jobNos) => {
          await removeChunksOf(pool, jobNos);
          await removeRollupsOf(pool, jobNos);
        }),
    },
    {
      name: "rollups",
      everyMs: MINUTE_MS,
      isLong: true,
      run: (_now, signal) => keepRollups({ ...rollups, signal }),
    },
    {
      name: "rollups of ended jobs",
      everyMs: SECOND_MS,
      isLong: true,
      run: (_now, signal) => rollUpEndedJobs({ pool, signal }),
    },
    {
      name: "ageing samples",
      everyMs: MINUTE_MS,
      isLong: true,
      run: (_now, signal) => ageSamples({ ...ageing, signal }),
    },
  ];
  // Of its own, and large enough for all: tasks that hold their locks wait for other connections to do their work.
  const locks = openDatabase(url, { poolSize: tasks.length, applicationName: "nightbell locks of tasks" });
  const running = await startRecurringTasks(tasks, { db: locks.db, clock, log });
  return {
    metrics: () => registry.getMetricsAsJSON(),
    async stop(deadlineMs) {
      await running.stop(deadlineMs);
      // A server that stands still is not waited for.
      await Promise.race([locks.close(), sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
    },
  };
}
