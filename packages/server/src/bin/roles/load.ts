// Loads the module of a role when a process plays it.
import type { MetricsJson } from "../../platform/metrics.js";
import type { RunningApi, StartApi, StartPoller, StartScheduler } from "./role.js";

interface RoleModules {
  api: { startApi: StartApi };
  poller: { startPoller: StartPoller };
  scheduler: { startScheduler: StartScheduler };
}

export function loadRole<Name extends keyof RoleModules>(name: Name): Promise<RoleModules[Name]> {
  return import(new URL(`${name}.js`, import.meta.url).href) as Promise<RoleModules[Name]>;
}

interface HealthModule {
  startHealthServer(options: {
    host: string;
    port: number;
    isReady: () => boolean;
    metrics: () => Promise<MetricsJson[]>;
  }): Promise<RunningApi>;
}

export function loadHealthServer(): Promise<HealthModule> {
  return import(new URL("../../features/monitoring/index.js", import.meta.url).href) as Promise<HealthModule>;
}

interface CheckModule {
  runCheck(
    targets: string[],
    options: { count: number; intervalMs: number; timeoutMs: number; json: boolean },
  ): Promise<number>;
}

export function loadCheck(): Promise<CheckModule> {
  return import(new URL("../../features/probing/check.js", import.meta.url).href) as Promise<CheckModule>;
}
