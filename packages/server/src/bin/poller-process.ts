// The parent's side of the poller process: starts it, restarts it when it ends by itself, asks it for metrics, stops it.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Gauge, Registry } from "prom-client";
import type { Logger } from "../platform/log.js";
import type { MetricsJson } from "../platform/metrics.js";
import { compiledFile } from "../platform/paths.js";
import { backoffMs } from "./backoff.js";
import { Heartbeat } from "./heartbeat.js";
import { EXIT_REFUSED, type FromPoller, type PollerKind, type ToPoller } from "./poller-messages.js";
import type { RunningRole } from "./roles/role.js";

const METRICS_TIMEOUT_MS = 1_000;
/** A poller that lived this long did not fail at its start: the next restart is quick again. */
const HEALTHY_AFTER_MS = 60_000;
/**
 * Keeps the poller's memory near what it uses (M6's budget): its garbage is short-lived, so a small young generation
 * does, and the old one is collected when it has grown by half instead of fourfold. Not the smallest: at 10,000 samples a
 * second 2 MiB are full every 50 ms, and collecting them takes about as long with 100,000 jobs as collecting 4 MiB.
 */
const POLLER_HEAP_FLAGS = ["--max-semi-space-size=4", "--heap-growing-percent=50"];

export interface PollerProcess extends RunningRole {
  /** True while the process is up and measures. */
  isReady(): boolean;
  /** Why it does not measure any more, in a sentence that says since when; null while it does, and before it ever did. */
  trouble(): string | null;
  /** What this process knows of the poller, and what the poller says of itself. */
  metrics(): Promise<MetricsJson[]>;
  /** Resolves when the server refuses the token of a remote poller, which is then not started again. */
  readonly refused: Promise<void>;
  /** SIGKILL; what was measured since the last flush is lost. */
  kill(): void;
}

/**
 * Keeps a poller running as a child process. It has its own event loop, so that nothing the API does smears a
 * measurement. It ends by itself when this process dies, because the IPC channel then closes.
 */
export function startPollerProcess(
  environment: NodeJS.ProcessEnv,
  log: Logger,
  kind: PollerKind = "local",
): PollerProcess {
  let isReady = false;
  let isStopping = false;
  let trouble: string | null = null;
  let heartbeat: Heartbeat | null = null;
  let restarts = 0;
  let requestNo = 0;
  const refusal = new AbortController();
  const wakeUp = new AbortController();
  const registry = new Registry();
  registry.registerMetric(
    new Gauge({
      name: "nightbell_poller_up",
      help: "Whether the poller process of this program measures (1) or has ended or does not answer (0)",
      registers: [],
      collect() {
        this.set(measures() ? 1 : 0);
      },
    }),
  );
  let child = launch();
  const keptRunning = keepRunning();
  async function keepRunning(): Promise<void> {
    for (;;) {
      const startedAt = performance.now();
      const ending = await ended(child);
      isReady = false;
      heartbeat?.stop();
      if (isStopping) return;
      if (child.exitCode === EXIT_REFUSED) {
        trouble = "the server refuses the token of this poller";
        refusal.abort();
        return;
      }
      trouble = `the poller process ended by itself at ${new Date().toISOString()} and is started again`;
      if (performance.now() - startedAt > HEALTHY_AFTER_MS) restarts = 0;
      const waitMs = backoffMs(restarts++);
      log.error({ endedPid: child.pid, ending, restartInMs: waitMs }, "the poller process ended by itself");
      await sleep(waitMs, undefined, { signal: wakeUp.signal }).catch(() => {}); // Aborted by stop.
      if (isStopping) return;
      child = launch();
    }
  }

  function launch(): ChildProcess {
    // Detached: a Ctrl-C reaches the whole terminal, and the poller is to end when this process says so.
    const launched = fork(compiledFile("bin/poller-child.js"), [kind], {
      env: environment,
      execArgv: [...process.execArgv, ...POLLER_HEAP_FLAGS],
      detached: true,
      serialization: "advanced",
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    launched.on("message", (message: FromPoller) => {
      if (message.type === "ready") watch(launched);
      else if (message.type === "beat") heartbeat?.answered();
    });
    log.info({ pollerPid: launched.pid }, "started the poller process");
    return launched;
  }

  function watch({ pid: pollerPid }: ChildProcess): void {
    isReady = true;
    trouble = null;
    heartbeat = new Heartbeat({
      ask: () => tell({ type: "beat" }),
      onSilent: (since) => {
        trouble = `the poller process ${pollerPid} has not answered since ${since.toISOString()}`;
        log.error({ pollerPid, since }, "the poller process does not answer; its jobs are not measured");
      },
      onAnsweringAgain: (silentForMs) => {
        trouble = null;
        log.info({ pollerPid, silentForMs }, "the poller process answers again");
      },
    });
  }

  function measures(): boolean {
    return isReady && trouble === null && !isStopping;
  }

  function tell(message: ToPoller): boolean {
    return child.connected && child.send(message);
  }

  /** Nothing when it does not answer; one that is known not to is not asked, so that questions do not pile up. */
  async function askMetrics(): Promise<MetricsJson> {
    const asked = requestNo++;
    const poller = child;
    if (trouble !== null || !tell({ type: "metrics", requestNo: asked })) return [];
    return new Promise((resolve) => {
      const finish = (metrics: MetricsJson) => {
        clearTimeout(timer);
        poller.off("message", onMessage);
        resolve(metrics);
      };
      const onMessage = (message: FromPoller) => {
        if (message.type === "metrics" && message.requestNo === asked) finish(message.metrics);
      };
      const timer = setTimeout(() => finish([]), METRICS_TIMEOUT_MS);
      poller.on("message", onMessage);
    });
  }

  return {
    isReady: measures,
    trouble: () => trouble,
    refused: once(refusal.signal, "abort").then(() => undefined),
    metrics: async () => [await registry.getMetricsAsJSON(), await askMetrics()],
    async stop(deadlineMs) {
      const startedAt = performance.now();
      let isKilled = false;
      isStopping = true;
      wakeUp.abort();
      tell({ type: "stop", deadlineMs });
      const timer = setTimeout(() => {
        log.warn({ deadlineMs }, "the poller did not finish in time and was killed");
        isKilled = true;
        child.kill("SIGKILL");
      }, deadlineMs);
      await keptRunning;
      clearTimeout(timer);
      if (!isKilled) log.info({ durationMs: Math.round(performance.now() - startedAt) }, "poller drained");
    },
    kill() {
      isStopping = true;
      wakeUp.abort();
      child.kill("SIGKILL");
    },
  };
}

/** How a process ended, once it has. */
async function ended(child: ChildProcess): Promise<string> {
  if (child.exitCode === null && child.signalCode === null) {
    await Promise.race([once(child, "exit"), once(child, "error")]);
  }
  return child.signalCode ?? `exit code ${child.exitCode}`;
}
