// What may become of a job, and what that does to its grid. Pure; times are milliseconds since the epoch.
import type { JobStatus } from "@nightbell/contract";
import { type Grid, openGrid } from "./grid.js";

/** What a person asks of a job that exists. */
export type Action = "pause" | "resume" | "cancel" | "delete";

/** A job as the rules see it. */
export interface JobState {
  readonly id: string;
  readonly status: JobStatus;
  readonly cadenceMs: number;
  readonly durationSeconds: number | null;
  /** The first slot, once it has one. */
  readonly startedAt: number | null;
  readonly endsAt: number | null;
  /** The latest stretch of its grid. */
  readonly grid: Grid | null;
}

/** What happens to the latest stretch of the grid, and the stretch that follows it. */
export interface GridChange {
  /** The new end of the latest stretch (null: open end); `drop` when none of its slots came to pass. */
  readonly latest: { readonly toSlot: number | null } | "drop" | "keep";
  readonly open: Grid | null;
}

export type Decision =
  | { readonly ok: true; readonly status: JobStatus; readonly grid: GridChange }
  | { readonly ok: false; readonly reason: string };

/** Pollers know of a change within this time (M7), so slots sooner than that would be missed. */
export const CHANGE_LEAD_MS = 1_000;

/** Beyond a job's end and its last probe's timeout; by then its poller has completed it, if it has one. */
export const COMPLETION_GRACE_MS = 2_000;

const unchanged: GridChange = { latest: "keep", open: null };

/** pending → running ⇄ paused → completed / cancelled (M1). */
export function decide(job: JobState, action: Action, now: number): Decision {
  switch (action) {
    case "pause":
      if (job.status !== "running") return refuse(job, "paused", "a running job");
      return { ok: true, status: "paused", grid: { latest: closed(job.grid, now), open: null } };
    case "resume": {
      if (job.status !== "paused") return refuse(job, "resumed", "a paused job");
      const open = nextGrid(job, now);
      if (open !== null) return { ok: true, status: "running", grid: { latest: "keep", open } };
      return { ok: false, reason: "Its duration ends before its next slot, so nothing is left to measure." };
    }
    case "cancel":
      if (isOver(job.status)) return refuse(job, "cancelled", "a job that is not over");
      return { ok: true, status: "cancelled", grid: { latest: closed(job.grid, now), open: null } };
    case "delete":
      return { ok: true, status: job.status, grid: unchanged };
  }
}

/** The first stretch of a pending job; its slots begin at or after `now`. */
export function firstGrid(
  job: Pick<JobState, "id" | "cadenceMs" | "durationSeconds">,
  now: number,
): { grid: Grid; startedAt: number; endsAt: number | null } {
  const grid = openGrid(job.id, job.cadenceMs, now, null);
  const endsAt = endOf(grid.fromSlot, job.durationSeconds);
  return { grid: { ...grid, toSlot: endsAt }, startedAt: grid.fromSlot, endsAt };
}

/** When a job that started then ends; a pause does not extend it. */
export function endOf(startedAt: number, durationSeconds: number | null): number | null {
  return durationSeconds === null ? null : startedAt + durationSeconds * 1_000;
}

/** The grid after an edit; `job` carries the new cadence and the new end. */
export function editGrid(job: JobState, now: number): GridChange {
  const { grid } = job;
  if (job.status !== "running" || grid === null) return unchanged;
  const isOpen = grid.toSlot === null || grid.toSlot > now;
  if (!isOpen) return { latest: "keep", open: nextGrid(job, now) };
  if (grid.cadenceMs === job.cadenceMs) {
    if (grid.toSlot === job.endsAt) return unchanged;
    return {
      latest: job.endsAt !== null && job.endsAt <= grid.fromSlot ? "drop" : { toSlot: job.endsAt },
      open: null,
    };
  }
  const latest = closed(grid, now);
  // A stretch without a past slot leaves no trace but its sequence number, which must not fall.
  const previous =
    typeof latest === "object" ? { ...grid, ...latest } : { ...grid, fromSlot: now, toSlot: now };
  return { latest, open: nextGrid({ ...job, grid: previous }, now) };
}

export function isOver(status: JobStatus): boolean {
  return status === "completed" || status === "cancelled";
}

/** The stretch after the latest one; null when the job's end leaves no slot. */
function nextGrid(job: JobState, now: number): Grid | null {
  const previous = job.grid === null || job.grid.toSlot === null ? null : job.grid;
  const grid = openGrid(job.id, job.cadenceMs, now + CHANGE_LEAD_MS, previous);
  if (job.endsAt === null) return grid;
  return grid.fromSlot < job.endsAt ? { ...grid, toSlot: job.endsAt } : null;
}

function closed(grid: Grid | null, now: number): GridChange["latest"] {
  if (grid === null) return "keep";
  if (grid.fromSlot >= now) return "drop";
  return grid.toSlot !== null && grid.toSlot <= now ? "keep" : { toSlot: Math.ceil(now) };
}

function refuse(job: JobState, verb: string, needed: string): Decision {
  return { ok: false, reason: `This job is ${job.status}; only ${needed} can be ${verb}.` };
}
