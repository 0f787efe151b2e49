// Which slots a window holds, from the grids of a job (M6). Pure; times are milliseconds since the epoch.
import { countSlots, type Grid, slotBefore, slotFrom } from "../jobs/index.js";
import { hourOf } from "./partitions.js";
import { HOUR_MS } from "./sample.js";

/** Slots of one grid in one hour, hence in one partition: first, first + step, … last. */
export interface Span {
  first: number;
  last: number;
  step: number;
}

/** A stretch of time in which a job ran: from inclusive, to exclusive. */
export interface Run {
  from: number;
  to: number;
}

/** Tells which hours may have samples. */
export interface KnownHours {
  has(hour: number): boolean;
}

/** The spans of the slots in [from, to), oldest first, of the hours given. */
export function spansBetween(grids: readonly Grid[], from: number, to: number, hours: KnownHours): Span[] {
  const spans: Span[] = [];
  for (const grid of grids) {
    const start = Math.max(from, grid.fromSlot);
    const end = Math.min(grid.toSlot ?? Infinity, to);
    for (let hour = hourOf(start); hour < end; hour += HOUR_MS) {
      if (!hours.has(hour)) continue;
      const first = slotFrom(grid, Math.max(start, hour));
      const last = slotBefore(grid, Math.min(to, hour + HOUR_MS));
      if (first <= last) spans.push({ first, last, step: grid.cadenceMs });
    }
  }
  return spans;
}

/**
 * The spans of the newest `count` slots in [from, to), newest first, and where to go on: the exclusive end of what
 * is left, null when nothing is. With `hours`, slots of other hours are passed over and not counted.
 */
export function newestSpans(
  grids: readonly Grid[],
  from: number,
  to: number,
  count: number,
  hours: KnownHours | null,
): { spans: Span[]; leftTo: number | null } {
  const spans: Span[] = [];
  let left = count;
  for (const grid of grids.toReversed()) {
    const start = Math.max(from, grid.fromSlot);
    let last = slotBefore(grid, to);
    while (last >= start) {
      const hour = hourOf(last);
      const firstOfHour = slotFrom(grid, Math.max(start, hour));
      if (hours === null || hours.has(hour)) {
        if (left === 0) return { spans, leftTo: last + 1 };
        const first = Math.max(firstOfHour, last - (left - 1) * grid.cadenceMs);
        spans.push({ first, last, step: grid.cadenceMs });
        left -= (last - first) / grid.cadenceMs + 1;
        last = first - grid.cadenceMs;
      } else {
        last = firstOfHour - grid.cadenceMs;
      }
    }
  }
  return { spans, leftTo: null };
}

/** `from`, or the slot of the `count`th newest before `to` when there are more. */
export function startOfNewest(grids: readonly Grid[], from: number, to: number, count: number): number {
  let left = count;
  for (const grid of grids.toReversed()) {
    const slots = countSlots([grid], from, to);
    if (slots > left) return slotBefore(grid, to) - (left - 1) * grid.cadenceMs;
    left -= slots;
  }
  return from;
}

/**
 * When the job ran. A change of cadence leaves less than one cadence between two grids and interrupts nothing; what
 * is longer was a pause.
 */
export function runsOf(grids: readonly Grid[]): Run[] {
  const runs: Run[] = [];
  for (const grid of grids) {
    const to = grid.toSlot ?? Infinity;
    const previous = runs.at(-1);
    if (previous !== undefined && grid.fromSlot - previous.to < grid.cadenceMs) previous.to = to;
    else runs.push({ from: grid.fromSlot, to });
  }
  return runs;
}
