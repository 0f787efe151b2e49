// How the connection pool is used.
import { Gauge, type Registry } from "prom-client";
import type { DatabaseHandle } from "../../platform/db.js";
import { percent } from "./system.js";

export function poolUse({ pool }: DatabaseHandle) {
  const used = pool.totalCount - pool.idleCount;
  return {
    used,
    waiting: pool.waitingCount,
    size: pool.options.max,
    percent: percent(used, pool.options.max),
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
