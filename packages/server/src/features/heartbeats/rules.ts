// What a slot of a heartbeat job finds. Pure; times are milliseconds since the epoch.
import type { ErrorCode } from "@nightbell/contract";

export interface LastBeat {
  readonly at: number;
  readonly kind: "ok" | "fail";
  readonly durationMs: number | null;
  readonly message: string | null;
}

export interface Expectation {
  readonly slot: number;
  readonly cadenceMs: number;
  readonly graceMs: number;
  /** When the job last began to run at this cadence: nobody promised a beat before. */
  readonly runningSince: number;
  /** When a beat may have found nobody to take it, for we were away; null when we never were. */
  readonly awayAt: number | null;
}

export type Finding =
  | { readonly kind: "beating"; readonly durationMs: number | null }
  /** Nothing is overdue yet: the slot says nothing about the target. */
  | { readonly kind: "waiting" }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly error: string };

/** The newest beat decides, if it is no older than a cadence and the grace. */
export function judgeBeat(beat: LastBeat | null, expectation: Expectation): Finding {
  const { slot, cadenceMs, graceMs, runningSince, awayAt } = expectation;
  const dueSince = slot - cadenceMs - graceMs;
  if (beat !== null && beat.at >= dueSince) {
    if (beat.kind === "ok") return { kind: "beating", durationMs: beat.durationMs };
    const reason = beat.message === null ? "" : `: ${beat.message}`;
    const error = `the last beat, of ${timeOf(beat.at)}, reported a failure${reason}`;
    return { kind: "failed", code: "heartbeat_failed", error };
  }
  if (runningSince >= dueSince) return { kind: "waiting" };
  if (awayAt !== null && awayAt >= dueSince) {
    const error = `the database was away at ${timeOf(awayAt)}; a beat may have been lost then`;
    return { kind: "failed", code: "database_unavailable", error };
  }
  const heard =
    beat === null
      ? `no beat has come yet; the job runs since ${timeOf(runningSince)}`
      : `no beat since ${timeOf(beat.at)}`;
  const error = `${heard}, expected one every ${seconds(cadenceMs)} with ${seconds(graceMs)} of grace`;
  return { kind: "failed", code: "heartbeat_missed", error };
}

function timeOf(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
}

function seconds(ms: number): string {
  return `${ms / 1_000} s`;
}
