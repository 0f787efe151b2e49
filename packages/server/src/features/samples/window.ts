// The window of a read: what was asked for, what the job has, and what one request may cost.
import { NightbellError } from "../../platform/errors.js";
import { countSlots, type LocatedGrid } from "../jobs/index.js";
import type { SampledJob } from "./sampled-job.js";
import { startOfNewest } from "./slots.js";

/** From inclusive, to exclusive, milliseconds since the epoch. */
export interface Window {
  from: number;
  to: number;
}

/** Instants of a query, as the contract checked them. */
export interface WindowQuery {
  from?: string | undefined;
  to?: string | undefined;
}

/** Samples that one request aggregates from raw: about half a second of the database. */
export const MAX_AGGREGATED_SAMPLES = 200_000;

/** Of more, rollups are asked first: so many take the database about 50 ms. */
export const EXACT_SAMPLES = 20_000;

/** After its timeout a sample waits for its batch, the write and a retry; only then is its absence a gap. */
const STORE_ALLOWANCE_MS = 5_000;

/** When the job's measuring ended, or now. */
export function endOfJob(job: SampledJob, now: number): number {
  return Math.min(job.grids.at(-1)?.toSlot ?? now, now);
}

/** The window asked for; what is not said is filled in from `defaults`. Throws `validation_failed` when it is empty. */
export function resolveWindow(
  query: WindowQuery,
  defaults: { to: number; from: (to: number) => number },
): Window {
  const to = query.to === undefined ? defaults.to : Date.parse(query.to);
  const from = query.from === undefined ? Math.min(defaults.from(to), to) : Date.parse(query.from);
  if (from > to || (from === to && query.from !== undefined)) {
    throw new NightbellError("validation_failed", "The window is empty: `from` must lie before `to`.", {
      errors: [{ path: "from", message: "must lie before `to`" }],
    });
  }
  return { from, to };
}

/** The newest part of the window, up to now, that holds no more samples than one request may aggregate. */
export function boundWindow(job: SampledJob, window: Window, now: number): Window {
  const to = Math.max(Math.min(window.to, now), window.from);
  if (countDue(job.grids, window.from, to) <= MAX_AGGREGATED_SAMPLES) return { from: window.from, to };
  const mostLocations = job.grids.reduce((most, grid) => Math.max(most, grid.locationCount), 1);
  const maxSlots = Math.floor(MAX_AGGREGATED_SAMPLES / mostLocations);
  return { from: startOfNewest(job.grids, window.from, to, maxSlots), to };
}

/** Slots before this time have their samples stored, or never will. */
export function settledEnd(job: SampledJob, now: number): number {
  return now - job.timeoutMs - STORE_ALLOWANCE_MS;
}

/** Slots in [from, to), each as often as there were locations that measured it. */
export function countDue(grids: readonly LocatedGrid[], from: number, to: number): number {
  return grids.reduce((sum, grid) => sum + countSlots([grid], from, to) * grid.locationCount, 0);
}

/**
 * Samples that a bucket [from, to) of a chart should hold: one per slot and location. Slots whose result may still be on
 * its way are expected only when it has come; until they are settled, they may stand for others of the bucket that lack.
 */
export function expectedSamples(job: SampledJob, window: Window, sampleCount: number, now: number): number {
  const settledTo = Math.min(window.to, settledEnd(job, now));
  return Math.max(countDue(job.grids, window.from, settledTo), sampleCount);
}

/** How long until the last samples of [from, to) are stored or will never be: 0 when they are all there, or it is over. */
export function settlesInMs(job: SampledJob, window: Window, sampleCount: number, now: number): number {
  const isWhole = sampleCount >= countDue(job.grids, window.from, window.to);
  return isWhole ? 0 : Math.max(0, window.to - settledEnd(job, now));
}
