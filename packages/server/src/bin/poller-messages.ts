// What a supervisor and its poller process say to each other over the IPC channel.
import type { MetricsJson } from "../platform/metrics.js";

/** Which poller the process is to be, as its only argument. */
export type PollerKind = "local" | "remote";

/** Exit code of a remote poller whose token the server refuses: to start it again is no use. EX_CONFIG of sysexits(3). */
export const EXIT_REFUSED = 78;

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
