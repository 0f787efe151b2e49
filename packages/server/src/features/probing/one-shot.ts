// Runs single probes and traces paths without a job: for `POST /api/probes/test`, `nightbell check` and `trace`, and for
// the evidence of alerts.
import type { JobOptions, OptionsOf, ProbeType } from "@nightbell/contract";
import { systemClock } from "../../platform/clock.js";
import type { Logger } from "../../platform/log.js";
import { OneShotIcmp } from "./one-shot-icmp.js";
import type { ProbeNotes, ProbeOutcome } from "./prober.js";
import { createProbers } from "./probers/index.js";
import { runProbe } from "./run-probe.js";
import type { StrayListener } from "./single-echoes.js";
import { type Trace, traceRoute, type TraceOptions } from "./trace/trace-route.js";

export interface OneShotProber {
  /** Never throws; ends within 20 ms of the timeout in the options, or of the signal. `onStray` hears of later replies; `notes` are filled in. */
  readonly probe: (
    type: ProbeType,
    target: string,
    options: JobOptions,
    signal: AbortSignal,
    more?: { onStray?: StrayListener; notes?: ProbeNotes },
  ) => Promise<ProbeOutcome>;
  /** The path to a numeric address; see traceRoute. */
  readonly trace: (address: string, options: TraceOptions, signal: AbortSignal) => Promise<Trace>;
  /** Starts the ICMP engine ahead of the first probe, which otherwise waits for it. */
  readonly warmUp: () => Promise<void>;
  readonly close: () => Promise<void>;
}

export function createOneShotProber(options: { latencyApiUrl: string; log: Logger }): OneShotProber {
  const probers = createProbers({ latencyApiUrl: options.latencyApiUrl });
  const icmp = new OneShotIcmp(options.log);
  return {
    probe(type, target, options, signal, { onStray, notes } = {}) {
      if (type === "icmp") return icmp.probe(target, options as OptionsOf<"icmp">, signal, onStray);
      const request = { target, options, slot: systemClock.now(), seed: target, notes };
      return runProbe(probers, type, request, signal);
    },
    async trace(address, traceOptions, signal) {
      await icmp.start();
      return traceRoute(icmp, address, traceOptions, signal);
    },
    warmUp: () => icmp.start(),
    close: () => icmp.close(),
  };
}
