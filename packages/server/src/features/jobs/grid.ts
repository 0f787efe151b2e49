// The wall-clock grid (M6): job j is due at epoch + phase(j) + k·cadence. Pure; times are milliseconds since the epoch.
import { createHash } from "node:crypto";

/** A stretch of running at one cadence, as `job_grids` keeps it. */
export interface Grid {
  fromSlot: number;
  /** Exclusive; null while the job runs. */
  toSlot: number | null;
  cadenceMs: number;
  firstSequence: number;
}

/** A stretch with the number of locations that measured it. */
export interface LocatedGrid extends Grid {
  readonly locationCount: number;
}

/** Where on the grid a job lies: 0 ≤ phase < cadence, spread evenly over jobs by a hash of the id. */
export function phaseOf(jobId: string, cadenceMs: number): number {
  const hash = createHash("sha256").update(jobId).digest().readUIntBE(0, 6);
  return hash % cadenceMs;
}

/**
 * The grid of a job that starts, resumes or changes its cadence at `now`. The sequence number is k of the
 * grid, but never falls: after a change to a longer cadence it goes on from the last one.
 */
export function openGrid(jobId: string, cadenceMs: number, now: number, previous: Grid | null): Grid {
  const phaseMs = phaseOf(jobId, cadenceMs);
  const earliest =
    previous?.toSlot === null || previous?.toSlot === undefined ? now : Math.max(now, previous.toSlot);
  const k = Math.ceil((earliest - phaseMs) / cadenceMs);
  return {
    fromSlot: phaseMs + k * cadenceMs,
    toSlot: null,
    cadenceMs,
    firstSequence: Math.max(k, previous === null ? 0 : nextSequence(previous)),
  };
}

/** Sequence number of a slot of the grid. */
export function sequenceOf(grid: Grid, slot: number): number {
  return grid.firstSequence + (slot - grid.fromSlot) / grid.cadenceMs;
}

/** The first slot of the grid at or after a time; it may lie beyond the grid's end. */
export function slotFrom({ fromSlot, cadenceMs }: Grid, time: number): number {
  return fromSlot + Math.ceil(Math.max(time - fromSlot, 0) / cadenceMs) * cadenceMs;
}

/** The last slot of the grid before a time; it may lie before the grid's beginning. */
export function slotBefore({ fromSlot, toSlot, cadenceMs }: Grid, time: number): number {
  const end = Math.min(toSlot ?? Infinity, time);
  return fromSlot + (Math.ceil((end - fromSlot) / cadenceMs) - 1) * cadenceMs;
}

/** Number of slots of the grids in [from, to). */
export function countSlots(grids: readonly Grid[], from: number, to: number): number {
  return grids.reduce((sum, grid) => {
    const slots = (slotBefore(grid, to) - slotFrom(grid, from)) / grid.cadenceMs + 1;
    return sum + Math.max(slots, 0);
  }, 0);
}

/** The sequence number after the last slot of a closed grid. */
function nextSequence(grid: Grid): number {
  if (grid.toSlot === null) throw new Error("the previous grid must be closed first");
  return grid.firstSequence + Math.ceil((grid.toSlot - grid.fromSlot) / grid.cadenceMs);
}
