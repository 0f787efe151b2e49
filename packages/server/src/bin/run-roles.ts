// The roles of one process: started together, stopped in the order in which data flows.
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../config/config.js";
import { startHealthServer } from "../features/monitoring/index.js";
import { DatabaseWatch } from "../platform/database-watch.js";
import {
  type DatabaseHandle,
  type DatabaseOptions,
  openDatabase,
  PROMPT_CONNECT_TIMEOUT_MS,
  REQUEST_STATEMENT_TIMEOUT_MS,
} from "../platform/db.js";
import type { Logger } from "../platform/log.js";
import { type PollerProcess, startPollerProcess } from "./poller-process.js";
import { displayUrl } from "./port.js";
import type {
  LifecycleState,
  RoleContext,
  RoleName,
  RunningRole,
  RunningScheduler,
  RunningWorker,
  StartApi,
  StartScheduler,
  StartWorker,
} from "./roles/role.js";

/** Each role with what it imports is loaded only by a process that plays it. */
const startApi: StartApi = async (context) => (await import("./roles/api.js")).startApi(context);
const startScheduler: StartScheduler = async (context) =>
  (await import("./roles/scheduler.js")).startScheduler(context);
const startWorker: StartWorker = async (context) => (await import("./roles/worker.js")).startWorker(context);

export interface RolesOptions {
  readonly config: Config;
  readonly url: string;
  readonly log: Logger;
}

export interface RunningRoles {
  /** Where the API answers, or the health server when there is no API. */
  readonly address: string;
  /** The poller flushes first, so that its last samples still reach those who watch; then the others end. */
  stop(deadlineMs: number): Promise<void>;
  /** Ends child processes at once. */
  kill(): void;
}

/** Of the time to drain, how much the poller may use. */
const POLLER_SHARE = 0.6;

/** Each of its tasks may work on one; their locks are held on others. */
const SCHEDULER_CONNECTIONS = 16;
/** It works on seven rows at once, takes new ones and keeps their leases. */
const WORKER_CONNECTIONS = 10;

/** Starts the roles; when one fails, those already started are stopped before it throws. */
export async function startRoles(
  names: readonly RoleName[],
  { config, url, log }: RolesOptions,
): Promise<RunningRoles> {
  let state: LifecycleState = "starting";
  const databases: DatabaseHandle[] = [];
  /** A pool for each role, as their statements may take differently long. */
  const contextOf = (
    role: RoleName,
    options: Pick<DatabaseOptions, "poolSize" | "connectTimeoutMs" | "statementTimeoutMs">,
  ): RoleContext => {
    const database = openDatabase(url, {
      connectTimeoutMs: config.DB_CONNECTION_TIMEOUT,
      idleTimeoutMs: config.DB_IDLE_TIMEOUT,
      ...options,
      applicationName: `nightbell ${role}`,
      onError: ({ message }) => log.debug({ reason: message }, "a database connection broke"),
    });
    databases.push(database);
    return { config, database, log, lifecycle: () => state };
  };
  const others: RunningRole[] = [];
  let poller: PollerProcess | null = null;
  let scheduler: RunningScheduler | null = null;
  let worker: RunningWorker | null = null;

  const stop = async (deadlineMs: number): Promise<void> => {
    state = "draining";
    const deadline = performance.now() + deadlineMs;
    if (poller !== null) await stopWithin(poller, deadlineMs * POLLER_SHARE, log);
    for (const role of others.toReversed()) await stopWithin(role, deadline - performance.now(), log);
    for (const { close } of databases) await stopWithin({ stop: close }, deadline - performance.now(), log);
  };

  try {
    // Always a process of its own: its event loop and its heap serve nothing but measuring.
    if (names.includes("poller")) poller = startPollerProcess(childEnvironment(config, url), log);
    // Before the other roles what answers /ready: with 503, until they have started.
    const collectMetrics = async () => [
      ...((await poller?.metrics()) ?? []),
      ...(scheduler === null ? [] : [await scheduler.metrics()]),
      ...(worker === null ? [] : [await worker.metrics()]),
    ];
    const pollerTrouble = () => poller?.trouble() ?? null;
    const listener = names.includes("api")
      ? await startApi({
          ...contextOf("api", {
            poolSize: config.DATABASE_POOL_SIZE,
            connectTimeoutMs: Math.min(config.DB_CONNECTION_TIMEOUT, PROMPT_CONNECT_TIMEOUT_MS),
            statementTimeoutMs: REQUEST_STATEMENT_TIMEOUT_MS,
          }),
          collectMetrics,
          pollerTrouble,
        })
      : await startHealthServer({
          host: config.HOST,
          port: config.HEALTH_PORT,
          notReady: () => {
            if (state !== "running") return "this process is starting or draining";
            return pollerTrouble() ?? (poller?.isReady() === false ? "the poller is starting" : null);
          },
          role: names.find((name) => name !== "poller") ?? "supervisor",
          metrics: collectMetrics,
        });
    others.push(listener);
    // The API has its own; a poller says by itself that it measures on without.
    if (!names.includes("api") && names.some((name) => name !== "poller")) {
      others.push(new DatabaseWatch(url, log));
    }
    if (names.includes("scheduler")) {
      scheduler = await startScheduler(contextOf("scheduler", { poolSize: SCHEDULER_CONNECTIONS }));
      others.push(scheduler);
    }
    if (names.includes("worker")) {
      worker = await startWorker(contextOf("worker", { poolSize: WORKER_CONNECTIONS }));
      others.push(worker);
    }
    state = "running";
    return { address: displayUrl(config.HOST, listener.port), stop, kill: () => poller?.kill() };
  } catch (error) {
    await stop(config.DRAIN_TIMEOUT_MS);
    throw error;
  }
}

function childEnvironment(config: Config, url: string): NodeJS.ProcessEnv {
  const { LOG_LEVEL, NIGHTBELL_DATA_DIR } = config;
  return {
    ...process.env,
    DATABASE_URL: url,
    LOG_LEVEL,
    ...(NIGHTBELL_DATA_DIR !== undefined && { NIGHTBELL_DATA_DIR }),
  };
}

/** A role that does not stop, or fails to, must not keep the others from stopping. */
async function stopWithin(role: RunningRole, deadlineMs: number, log: Logger): Promise<void> {
  const graceMs = 250; // For a role that uses its deadline to the end.
  const tooLate = sleep(Math.max(0, deadlineMs) + graceMs, "too late" as const, { ref: false });
  try {
    const outcome = await Promise.race([role.stop(Math.max(0, deadlineMs)), tooLate]);
    if (outcome === "too late") log.error({ deadlineMs }, "a role did not stop in time");
  } catch (error) {
    log.error({ err: error }, "a role did not stop cleanly");
  }
}
