// How the connection pool is used, and whether the database answers.
import { setTimeout as sleep } from "node:timers/promises";
import type { Health } from "@nightbell/contract";
import { Gauge, type Registry } from "prom-client";
import type { DatabaseHandle } from "../../platform/db.js";
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

/** Asks the database; null when it answers in time, otherwise why it does not count as reachable. */
export type Ping = () => Promise<string | null>;

/** Those who ask while an answer is awaited share it, so that asking often costs one connection. */
export function createPing({ pool }: DatabaseHandle): Ping {
  let pending: Promise<string | null> | null = null;
  return () => {
    pending ??= pool
      .query("select 1")
      .then(
        () => null,
        (error: Error) => error.message,
      )
      .finally(() => {
        pending = null;
      });
    const tooLate = sleep(PING_TIMEOUT_MS, `no answer within ${PING_TIMEOUT_MS} ms`, { ref: false });
    return Promise.race([pending, tooLate]);
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
