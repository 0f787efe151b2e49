// The poller as a child process: started by poller-process.ts, told what to do over IPC, gone when its parent is.
import { loadConfig } from "../config/config.js";
import { remoteSettings } from "../features/remote-pollers/index.js";
import { openDatabase, PROMPT_CONNECT_TIMEOUT_MS } from "../platform/db.js";
import { createLogger } from "../platform/log.js";
import { requireDatabaseUrl } from "./commands/serve.js";
import { EXIT_REFUSED, type FromPoller, type PollerKind, type ToPoller } from "./poller-messages.js";
import type { LifecycleState, RunningPoller } from "./roles/role.js";

/** After the parent was killed: the database it ran is about to be stopped by the next start, so only what is quick. */
const ORPHANED_DRAIN_MS = 2_000;
/** Without its server all that is left to do is to put what is in memory on disk. */
const REFUSED_DRAIN_MS = 5_000;

const config = loadConfig(process.env);
const log = createLogger(config.LOG_LEVEL, "poller", config.LOG_FORMAT);
let state: LifecycleState = "starting";
let isStopping = false;
/** Of a stop that went well. */
let exitCode = 0;

const kind: PollerKind = process.argv[2] === "remote" ? "remote" : "local";
const poller = startPollerRole();
poller.catch((error: unknown) => {
  log.fatal({ err: error }, "the poller could not be started");
  process.exit(exitCode === 0 ? 1 : exitCode);
});

process.on("message", (message: ToPoller) => {
  if (message.type === "stop") stop(message.deadlineMs);
  else if (message.type === "beat") send({ type: "beat" });
  else void answerMetrics(message.requestNo);
});
process.on("SIGTERM", () => stop(config.DRAIN_TIMEOUT_MS));
process.on("SIGINT", () => stop(config.DRAIN_TIMEOUT_MS));
process.on("disconnect", () => stop(ORPHANED_DRAIN_MS));
if (!process.connected) stop(ORPHANED_DRAIN_MS); // The parent died while this process loaded.

async function startPollerRole(): Promise<RunningPoller> {
  const running = await (kind === "remote" ? startRemote() : startLocal());
  if (!isStopping) {
    state = "running";
    send({ type: "ready" });
  }
  return running;
}

async function startLocal(): Promise<RunningPoller> {
  const database = openDatabase(requireDatabaseUrl(config), {
    poolSize: config.DATABASE_POOL_SIZE,
    connectTimeoutMs: Math.min(config.DB_CONNECTION_TIMEOUT, PROMPT_CONNECT_TIMEOUT_MS),
    idleTimeoutMs: config.DB_IDLE_TIMEOUT,
    applicationName: "nightbell poller",
    onError: ({ message }) => {
      log.debug({ reason: message }, "a database connection broke");
    },
  });
  const { startPoller } = await import("./roles/poller.js");
  const running = await startPoller({ config, database, log, lifecycle: () => state });
  return {
    ...running,
    async stop(deadlineMs) {
      await running.stop(deadlineMs);
      await database.close();
    },
  };
}

async function startRemote(): Promise<RunningPoller> {
  const { startRemotePoller } = await import("./roles/remote-poller.js");
  const settings = remoteSettings({}, process.env);
  return startRemotePoller({ config, settings, log, revoked: giveUp });
}

function giveUp(): void {
  if (exitCode === EXIT_REFUSED) return;
  exitCode = EXIT_REFUSED;
  log.fatal("the server refuses the token of this poller, which is wrong or was revoked");
  stop(REFUSED_DRAIN_MS);
}

function stop(deadlineMs: number): void {
  if (isStopping) return;
  isStopping = true;
  state = "draining";
  setTimeout(() => process.exit(exitCode === 0 ? 1 : exitCode), deadlineMs).unref();
  poller
    .then((running) => running.stop(deadlineMs))
    .then(
      () => process.exit(exitCode),
      (error: unknown) => {
        log.error({ err: error }, "the poller did not stop cleanly");
        process.exit(exitCode === 0 ? 1 : exitCode);
      },
    );
}

async function answerMetrics(requestNo: number): Promise<void> {
  send({ type: "metrics", requestNo, metrics: await (await poller).metrics() });
}

function send(message: FromPoller): void {
  if (process.connected) process.send?.(message);
}
