// `nightbell up`: everything on one machine. It supervises an embedded Postgres, plays the roles api, scheduler and worker
// itself and the poller in a child process, and stops all of them in the opposite order.
import { setTimeout as sleep } from "node:timers/promises";
import { type Config, loadConfig } from "../../config/config.js";
import {
  chooseDataDir,
  type EmbeddedPostgres,
  maxConnections,
  startEmbeddedPostgres,
} from "../../platform/embedded-postgres/index.js";
import { createLogger, type Logger } from "../../platform/log.js";
import { migrate } from "../../platform/migrate.js";
import { backoffMs } from "../backoff.js";
import { assertPortFree } from "../port.js";
import { type RunningRoles, startRoles } from "../run-roles.js";
import { listenForStop, type StopSignals } from "../stop-signals.js";
import { hasAccounts, welcome } from "../welcome.js";

/** A Postgres that could not be started this often in a row will not start at all. */
const POSTGRES_RESTARTS = 6;
/** Of the time to drain, what Postgres may use for its last checkpoint. */
const POSTGRES_SHARE = 0.25;

/** What runs so far. */
interface Parts {
  postgres?: EmbeddedPostgres;
  roles?: RunningRoles;
}

/** Runs until it is told to stop; returns the exit code. Throws when it cannot start, or cannot go on. */
export async function up(environment: NodeJS.ProcessEnv): Promise<number> {
  const dataDir = await chooseDataDir(environment["NIGHTBELL_DATA_DIR"] || undefined);
  const config = loadConfig({ ...environment, NIGHTBELL_DATA_DIR: dataDir });
  const log = createLogger(config.LOG_LEVEL, "up", config.LOG_FORMAT);
  await assertPortFree(config.HOST, config.PORT, "PORT");
  if (config.REPLICA_COUNT > 1) {
    log.warn(
      { REPLICA_COUNT: config.REPLICA_COUNT, REPLICA_ID: config.REPLICA_ID },
      "measures only its share of the jobs; the other pollers must run elsewhere",
    );
  }

  const parts: Parts = {};
  const killAtOnce = async () => {
    parts.roles?.kill();
    await parts.postgres?.stop(0);
  };
  const stop = listenForStop({ log, deadlineMs: config.DRAIN_TIMEOUT_MS, killAtOnce });
  const starting = start(parts, stop, { config, dataDir, log });
  try {
    await Promise.race([stop.requested, starting]);
    if (parts.postgres !== undefined) {
      await Promise.race([stop.requested, keepRunning(parts.postgres, stop, log)]);
    }
    await stop.requested;
  } finally {
    await drain(parts, starting, config.DRAIN_TIMEOUT_MS, log);
  }
  stop.logStopped();
  return 0;
}

/** Starts one part after the other. Between two steps it gives way to a stop. */
async function start(
  parts: Parts,
  stop: StopSignals,
  { config, dataDir, log }: { config: Config; dataDir: string; log: Logger },
): Promise<void> {
  let url = config.DATABASE_URL;
  if (url === undefined) {
    parts.postgres = await startEmbeddedPostgres({
      dataDir,
      log,
      settings: { max_connections: maxConnections(config.DATABASE_POOL_SIZE) },
    });
    url = parts.postgres.url;
  }
  if (stop.isRequested()) return;
  await migrate(url, { log });
  if (stop.isRequested()) return;
  parts.roles = await startRoles(["api", "scheduler", "worker", "poller"], { config, url, log });
  if (stop.isRequested()) return;
  console.log(welcome(parts.roles.address, dataDir, await hasAccounts(url)));
}

/** Starts Postgres again whenever it ends by itself. Its URL stays the same, so that pools simply connect anew. */
async function keepRunning(postgres: EmbeddedPostgres, stop: StopSignals, log: Logger): Promise<void> {
  for (;;) {
    await postgres.exited;
    if (stop.isRequested()) return;
    log.error({ endedPid: postgres.pid }, "Postgres ended by itself and is started again");
    for (let attempt = 0; ; attempt++) {
      await sleep(backoffMs(attempt));
      if (stop.isRequested()) return;
      try {
        await postgres.restart();
        log.info({ postgresPid: postgres.pid }, "Postgres runs again");
        break;
      } catch (error) {
        if (attempt + 1 === POSTGRES_RESTARTS) throw error;
        log.error({ err: error }, "Postgres could not be started again");
      }
    }
  }
}

/** Roles first, as they write until the end; then their database. */
async function drain(parts: Parts, starting: Promise<void>, deadlineMs: number, log: Logger): Promise<void> {
  const rolesMs = deadlineMs * (1 - POSTGRES_SHARE);
  const deadline = performance.now() + rolesMs;
  await Promise.race([Promise.allSettled([starting]), sleep(rolesMs, undefined, { ref: false })]);
  await parts.roles?.stop(deadline - performance.now());
  if (parts.postgres === undefined) return;
  await parts.postgres.stop(deadlineMs * POSTGRES_SHARE);
  log.info("Postgres stopped");
}
