import { runTrace } from "../../features/probing/index.js";

export interface TraceArguments {
  readonly maxHops: number;
  readonly tries: number;
  readonly timeout: number;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  readonly json: boolean;
}

/** `nightbell trace`; returns the exit code. */
export function trace(host: string, options: TraceArguments): Promise<number> {
  const { maxHops, tries, ipv4, ipv6, json } = options;
  const family = ipv4 === ipv6 ? "auto" : ipv4 ? "ipv4" : "ipv6";
  return runTrace(host, { maxHops, tries, timeoutMs: options.timeout * 1_000, family, json });
}
