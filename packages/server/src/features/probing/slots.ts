// Which slot of a job's grids comes next, and which are given up. Pure; times are milliseconds since the epoch.
import { countSlots, sequenceOf, slotBefore, slotFrom, type Grid } from "../jobs/index.js";

/**
 * How far the wheel may be behind before the slots it slept through are skipped instead of probed late: a busy
 * moment is made up for, a sleeping laptop or a stepped clock is not.
 */
export const MAX_BEHIND_MS = 1_000;

/** What becomes of a job whose turn it is. */
export interface Turn {
  /** The slot to probe now, null when all that were due are given up. */
  start: number | null;
  /** Slots given up: each stays a visible gap. */
  skipped: number;
  /** The slot after these, null when the grids have none. */
  next: number | null;
}

/**
 * Decides about a job whose next slot is `slot`. Of several overdue slots only the newest is probed, so that nobody
 * gets a burst; when the wheel itself was `behind`, none is. A slot that lies ahead is taken as it is.
 */
export function decideTurn(grids: readonly Grid[], slot: number, now: number, behind: boolean): Turn {
  if (slot > now) return { start: slot, skipped: 0, next: slotAtOrAfter(grids, slot + 1) };
  const next = slotAtOrAfter(grids, now + 1);
  const overdue = countSlots(grids, slot, now + 1);
  const newest = grids.findLast((grid) => countSlots([grid], slot, now + 1) > 0);
  if (behind || newest === undefined) return { start: null, skipped: overdue, next };
  return { start: slotBefore(newest, now + 1), skipped: overdue - 1, next };
}

/**
 * The first slot to probe of a job that was just assigned or edited, whose slots before `earliest` are done or gone.
 * A grid that opened a moment ago is measured from its first slot, although the news of it took a while.
 */
export function firstSlot(grids: readonly Grid[], now: number, earliest: number): number | null {
  const openedAt = grids.at(-1)?.fromSlot ?? now;
  const from = openedAt > now - MAX_BEHIND_MS ? Math.min(openedAt, now) : now;
  return slotAtOrAfter(grids, Math.max(from, earliest));
}

/** The first slot at or after `time`, null when the grids end before. */
export function slotAtOrAfter(grids: readonly Grid[], time: number): number | null {
  for (const grid of grids) {
    const slot = slotFrom(grid, time);
    if (grid.toSlot === null || slot < grid.toSlot) return slot;
  }
  return null;
}

/** The sequence number of a slot of the grids. */
export function sequenceNumberOf(grids: readonly Grid[], slot: number): number {
  const grid = grids.findLast(({ fromSlot }) => fromSlot <= slot);
  if (grid === undefined) throw new Error(`slot ${slot} lies before the job's grids`);
  return sequenceOf(grid, slot);
}
