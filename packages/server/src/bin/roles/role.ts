// What a role is given and what it gives back. A process may play several roles; each is started by one function
// `startApi`, `startScheduler`, `startWorker`, `startPoller` in the module of its name beside this one.
import type { Config } from "../../config/config.js";
import type { DatabaseHandle } from "../../platform/db.js";
import type { Logger } from "../../platform/log.js";
import type { MetricsJson } from "../../platform/metrics.js";

export const roleNames = ["api", "poller", "scheduler", "worker"] as const;
export type RoleName = (typeof roleNames)[number];

/** Where the process is in its life; only `running` counts as ready. */
export type LifecycleState = "starting" | "running" | "draining";

export interface RoleContext {
  readonly config: Config;
  /** The pool of this role, closed after the last role of the process has stopped. */
  readonly database: DatabaseHandle;
  readonly log: Logger;
  readonly lifecycle: () => LifecycleState;
}

export interface ApiContext extends RoleContext {
  /**
   * Metrics of the other roles of this program (its poller, its scheduler and its worker), to be aggregated with the API's own.
   * Resolves within a second; a process that does not answer is left out.
   */
  readonly collectMetrics: () => Promise<MetricsJson[]>;
  /** Why the poller of this program does not measure any more, and since when; null when it does, or there is none. */
  readonly pollerTrouble: () => string | null;
}

export interface RunningRole {
  /** Finishes what is under way and flushes it, within `deadlineMs`; then whatever is left is dropped. */
  stop(deadlineMs: number): Promise<void>;
}

export interface RunningApi extends RunningRole {
  /** The port it listens on; of interest when PORT is 0. */
  readonly port: number;
}

/** What its registry holds; a process that plays other roles as well adds it to theirs. */
export interface RunningScheduler extends RunningRole {
  metrics(): Promise<MetricsJson>;
}

export interface RunningPoller extends RunningRole {
  metrics(): Promise<MetricsJson>;
}

export interface RunningWorker extends RunningRole {
  metrics(): Promise<MetricsJson>;
}

export type StartApi = (context: ApiContext) => Promise<RunningApi>;
export type StartScheduler = (context: RoleContext) => Promise<RunningScheduler>;
export type StartWorker = (context: RoleContext) => Promise<RunningWorker>;
