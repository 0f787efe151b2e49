// What a supervisor and its poller process say to each other over the IPC channel.
import type { MetricsJson } from "../platform/metrics.js";

/** `beat` is answered at once by `beat`: its event loop turns. */
export type ToPoller =
  | { type: "stop"; deadlineMs: number }
  | { type: "beat" }
  | { type: "metrics"; requestNo: number };

/** `ready`: it has taken its jobs and measures. */
export type FromPoller =
  | { type: "ready" }
  | { type: "beat" }
  | { type: "metrics"; requestNo: number; metrics: MetricsJson };
