import type { JobOptions, ProbeType } from "@nightbell/contract";
import type { ProbeOutcome, Prober, ProbeRequest } from "./prober.js";
import type { Probers } from "./probers/index.js";

/** Runs a probe of any type that opens connections; options and type belong together, as the contract has checked. */
export function runProbe(
  probers: Probers,
  type: Exclude<ProbeType, "icmp">,
  request: ProbeRequest<JobOptions>,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  const prober = probers[type] as Prober<JobOptions>;
  return prober.probe(request, signal);
}
