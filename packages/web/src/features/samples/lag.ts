// Whether what a job's page shows may lie behind what was measured.
import type { JobStatus } from "@nightbell/contract";
import { type Reachability, useReachability, useRecentOutageEnd } from "../../api/connection.js";
import type { LiveSample } from "./series.js";

/**
 * `unstored`: the database is away, pollers keep what they measure. `catchingUp`: it is back, and what they kept is on its
 * way. `cutOff`: nobody can say.
 */
export type Lag = "none" | "unstored" | "catchingUp" | "cutOff";

export const lagLabels: Record<Exclude<Lag, "none">, string> = {
  unstored: "Not stored yet",
  catchingUp: "Catching up",
  cutOff: "No connection",
};

export function useLag(status: JobStatus, live: readonly LiveSample[]): Lag {
  return lagOf(status, live, useReachability(), useRecentOutageEnd());
}

/** After an outage the first sample from after its end says that all before it have come: they come in order. */
export function lagOf(
  status: JobStatus,
  live: readonly LiveSample[],
  reachability: Reachability,
  outageEndMs: number | null,
): Lag {
  if (status !== "running") return "none";
  if (reachability !== "ok") return reachability === "unavailable" ? "unstored" : "cutOff";
  if (outageEndMs === null) return "none";
  return live.some(({ sample }) => Date.parse(sample.scheduledAt) >= outageEndMs) ? "none" : "catchingUp";
}
