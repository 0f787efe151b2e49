// The poller as a child process: started by poller-process.ts, told what to do over IPC, gone when its parent is.
import { loadConfig } from "../config/config.js";
import { openDatabase } from "../platform/db.js";
import { createLogger } from "../platform/log.js";
import { requireDatabaseUrl } from "./commands/serve.js";
import { loadRole } from "./roles/load.js";
import type { FromPoller, ToPoller } from "./poller-messages.js";
import type { LifecycleState } from "./roles/role.js";

/** After the parent was killed: the database it ran is about to be stopped by the next start, so only what is quick. */
const ORPHANED_DRAIN_MS = 2_000;

const config = loadConfig(process.env);
const log = createLogger(config.LOG_LEVEL, "poller");
const database = openDatabase(requireDatabaseUrl(config), {
  poolSize: config.DATABASE_POOL_SIZE,
  applicationName: "nightbell poller",
  onError: (error) => log.warn({ err: error }, "a database connection broke"),
});
let state: LifecycleState = "starting";
let isStopping = false;

// Before anything that takes time, so that no order and no death of the parent is missed.
process.on("message", (message: ToPoller) => {
  if (message.type === "stop") stop(message.deadlineMs);
  else void answerMetrics(message.requestNo);
});
process.on("disconnect", () => stop(ORPHANED_DRAIN_MS));
process.on("SIGTERM", () => stop(config.DRAIN_TIMEOUT_MS));
process.on("SIGINT", () => stop(config.DRAIN_TIMEOUT_MS));

const { startPoller } = await loadRole("poller");
const starting = startPoller({ config, database, log, lifecycle: () => state });
const poller = await starting;
if (!isStopping) state = "running";

function stop(deadlineMs: number): void {
  if (isStopping) return;
  isStopping = true;
  state = "draining";
  setTimeout(() => process.exit(1), deadlineMs).unref();
  void starting
    .then((running) => running.stop(deadlineMs))
    .then(() => database.close())
    .then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, "the poller did not stop cleanly");
        process.exit(1);
      },
    );
}

async function answerMetrics(requestNo: number): Promise<void> {
  const answer: FromPoller = { type: "metrics", requestNo, metrics: await poller.metrics() };
  process.send?.(answer);
}
