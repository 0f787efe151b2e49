// What a supervisor and its poller process say to each other over the IPC channel.
import type { MetricsJson } from "../platform/metrics.js";

export type ToPoller = { type: "stop"; deadlineMs: number } | { type: "metrics"; requestNo: number };

/** `ready`: it has taken its jobs and measures. */
export type FromPoller = { type: "ready" } | { type: "metrics"; requestNo: number; metrics: MetricsJson };
