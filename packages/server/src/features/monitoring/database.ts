// How the connection pool is used, and whether the database answers.
import { setTimeout as sleep } from "node:timers/promises";
import type { Health } from "@nightbell/contract";
import { Gauge, type Registry } from "prom-client";
import type { DatabaseHandle } from "../../platform/db.js";
import type { Logger } from "../../platform/log.js";
import { percent } from "./system.js";

/** An orchestrator's own readiness timeout is rarely shorter. */
const PING_TIMEOUT_MS = 900;

export function poolUse({ pool }: DatabaseHandle): Health["metrics"]["database"] {
  const used = pool.totalCount - pool.idleCount;
  return {
    used,
    waiting: pool.waitingCount,
    size: pool.options.max,
    percent: percent(used, pool.options.max),
  };
}

/** How long an answer is believed, so that asking often costs one query a second. */
const FRESH_MS = 1_000;

/** Asks the database; whether it answers in time. */
export type Ping = () => Promise<boolean>;

/**
 * Those who ask while an answer is awaited, or right after it, share it. Why there is none goes to the log, once; who
 * may ask need not know where the database is.
 */
export function createPing({ pool }: DatabaseHandle, log: Pick<Logger, "info" | "warn">): Ping {
  let pending: Promise<string | null> | null = null;
  let isAway = false;
  const ask = async () => {
    const failure = await pool.query("select 1").then(
      () => null,
      (error: Error) => error.message,
    );
    setTimeout(() => (pending = null), FRESH_MS).unref();
    return failure;
  };
  return async () => {
    pending ??= ask();
    const tooLate = sleep(PING_TIMEOUT_MS, `no answer within ${PING_TIMEOUT_MS} ms`, { ref: false });
    const failure = await Promise.race([pending, tooLate]);
    if (failure !== null && !isAway) log.warn({ reason: failure }, "the database does not answer");
    if (failure === null && isAway) log.info("the database answers again");
    isAway = failure !== null;
    return !isAway;
  };
}

export function addPoolMetrics(registry: Registry, database: DatabaseHandle): void {
  const { pool } = database;
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: `nightbell_database_pool_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  gauge("used", "Connections of this process that are in use", () => poolUse(database).used);
  gauge("idle", "Connections of this process that are not in use", () => pool.idleCount);
  gauge("waiting", "Queries that wait for a connection", () => pool.waitingCount);
  gauge("limit", "Connections that this process may open (DATABASE_POOL_SIZE)", () => pool.options.max);
}
