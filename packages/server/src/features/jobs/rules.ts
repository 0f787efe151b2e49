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

/** What happens to the stretches of the grid, and the stretch that follows them. */
export interface GridChange {
  /**
   * The latest stretch ends at that time (null: open end), none reaches beyond it, and those that would begin at or
   * after it are dropped.
   */
  readonly end: { readonly at: number | null } | "keep";
  readonly open: Grid | null;
}

export type Decision =
  | { readonly ok: true; readonly status: JobStatus; readonly grid: GridChange }
  | { readonly ok: false; readonly reason: string };

/** Pollers know of a change within this time (M7), so slots sooner than that would be missed. */
export const CHANGE_LEAD_MS = 1_000;

/**
 * Beyond a job's end and its last probe's timeout; by then its poller has completed it, if it has one, even when it held
 * the last miss back until it knew whether it was online.
 */
export const COMPLETION_GRACE_MS = 4_000;

const unchanged: GridChange = { end: "keep", open: null };

/** pending → running ⇄ paused → completed / cancelled (M1). */
export function decide(job: JobState, action: Action, now: number): Decision {
  switch (action) {
    case "pause":
      if (job.status !== "running") return refuse(job, "paused", "a running job");
      return { ok: true, status: "paused", grid: { end: closed(job.grid, now), open: null } };
    case "resume": {
      if (job.status !== "paused") return refuse(job, "resumed", "a paused job");
      const open = nextGrid(job, now + CHANGE_LEAD_MS);
      if (open !== null) return { ok: true, status: "running", grid: { end: "keep", open } };
      return { ok: false, reason: "Its duration ends before its next slot, so nothing is left to measure." };
    }
    case "cancel":
      if (isOver(job.status)) return refuse(job, "cancelled", "a job that is not over");
      return { ok: true, status: "cancelled", grid: { end: closed(job.grid, now), open: null } };
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

/**
 * The grid after an edit; `job` carries the new cadence and the new end, `addedLocations` is negative when there are
 * fewer than before. The old stretch goes on until pollers know of the new one, so that what they measure meanwhile
 * belongs to it; a location that is left ends at once, as nobody waits for its last samples.
 */
export function editGrid(job: JobState, addedLocations: number, now: number): GridChange {
  const { grid, endsAt } = job;
  if (job.status !== "running" || grid === null) return unchanged;
  const isOpen = grid.toSlot === null || grid.toSlot > now;
  if (!isOpen) return { end: "keep", open: nextGrid(job, now + CHANGE_LEAD_MS) };
  const hasNewCadence = grid.cadenceMs !== job.cadenceMs;
  if (!hasNewCadence && addedLocations === 0) {
    return grid.toSlot === endsAt ? unchanged : { end: { at: endsAt }, open: null };
  }
  const changesAt = Math.ceil(now) + (hasNewCadence || addedLocations > 0 ? CHANGE_LEAD_MS : 0);
  const at = Math.min(changesAt, endsAt ?? Infinity);
  // A stretch without a past slot leaves no trace but its sequence number, which must not fall.
  const previous = { ...grid, fromSlot: Math.min(grid.fromSlot, at), toSlot: at };
  return { end: { at }, open: nextGrid({ ...job, grid: previous }, at) };
}

export function isOver(status: JobStatus): boolean {
  return status === "completed" || status === "cancelled";
}

/** The stretch after the latest one, with slots at or after `earliest`; null when the job's end leaves none. */
function nextGrid(job: JobState, earliest: number): Grid | null {
  const previous = job.grid === null || job.grid.toSlot === null ? null : job.grid;
  const grid = openGrid(job.id, job.cadenceMs, earliest, previous);
  if (job.endsAt === null) return grid;
  return grid.fromSlot < job.endsAt ? { ...grid, toSlot: job.endsAt } : null;
}

function closed(grid: Grid | null, now: number): GridChange["end"] {
  if (grid === null || (grid.toSlot !== null && grid.toSlot <= now)) return "keep";
  return { at: Math.ceil(now) };
}

function refuse(job: JobState, verb: string, needed: string): Decision {
  return { ok: false, reason: `This job is ${job.status}; only ${needed} can be ${verb}.` };
}
