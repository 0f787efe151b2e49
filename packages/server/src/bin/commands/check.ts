import { runCheck } from "../../features/probing/index.js";

export interface CheckArguments {
  readonly count: number;
  readonly interval: number;
  readonly timeout: number;
  readonly json: boolean;
}

/** `nightbell check`; returns the exit code. */
export function check(targets: string[], options: CheckArguments): Promise<number> {
  return runCheck(targets, {
    count: options.count,
    intervalMs: options.interval * 1_000,
    timeoutMs: options.timeout * 1_000,
    json: options.json,
  });
}
