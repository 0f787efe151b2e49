// The role that keeps house: what must happen by itself, every so often.
import { removeExpiredSessions } from "../../features/accounts/index.js";
import { completeOverdueJobs, forgetDeletedJobs, removeExpiredKeys } from "../../features/jobs/index.js";
import { createUndertaker } from "../../features/pollers/index.js";
import { ensurePartitions } from "../../features/samples/index.js";
import { systemClock } from "../../platform/clock.js";
import { startRecurringTasks } from "../../platform/recurring-tasks.js";
import type { RoleContext, RunningRole } from "./role.js";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** Resolves when each task has had its first turn, so that partitions exist before the first sample. */
export function startScheduler({ database: { db }, log }: RoleContext): Promise<RunningRole> {
  return startRecurringTasks(
    [
      { name: "sample partitions", everyMs: MINUTE_MS, run: (now) => ensurePartitions(db, now) },
      { name: "overdue jobs", everyMs: SECOND_MS, run: (now) => completeOverdueJobs(db, now) },
      { name: "dead pollers", everyMs: SECOND_MS, run: createUndertaker(db, systemClock) },
      { name: "expired sessions", everyMs: HOUR_MS, run: (now) => removeExpiredSessions(db, now) },
      { name: "expired idempotency keys", everyMs: HOUR_MS, run: (now) => removeExpiredKeys(db, now) },
      { name: "deleted jobs", everyMs: HOUR_MS, run: (now) => forgetDeletedJobs(db, now) },
    ],
    { db, clock: systemClock, log },
  );
}
