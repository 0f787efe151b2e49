// The window of time that the job page shows, as it stands in the address.
import type { Job } from "@nightbell/contract";
import { hasEnded } from "../jobs/transitions.js";

export const presets = {
  "5m": { label: "5 m", spanMs: 5 * 60_000 },
  "15m": { label: "15 m", spanMs: 15 * 60_000 },
  "1h": { label: "1 h", spanMs: 3_600_000 },
  "6h": { label: "6 h", spanMs: 6 * 3_600_000 },
  "24h": { label: "24 h", spanMs: 24 * 3_600_000 },
  "7d": { label: "7 d", spanMs: 7 * 86_400_000 },
  all: { label: "All", spanMs: Number.POSITIVE_INFINITY },
} as const;

export type Preset = keyof typeof presets;

export interface RangeSearch {
  range?: Preset;
  from?: string;
  to?: string;
}

export interface Window {
  fromMs: number;
  toMs: number;
}

/** A job that has just begun fills the chart from the left instead of starting as a dot at its edge. */
const SHORTEST_WINDOW_MS = 60_000;
/** Nothing is added to one that has ended, only that there must be a window. */
const SHORTEST_PAST_MS = 1_000;

export function readRangeSearch(search: Record<string, unknown>): RangeSearch {
  const { range, from, to } = search;
  const fromMs = typeof from === "string" ? Date.parse(from) : Number.NaN;
  const toMs = typeof to === "string" ? Date.parse(to) : Number.NaN;
  if (fromMs < toMs) return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
  return typeof range === "string" && Object.hasOwn(presets, range) ? { range: range as Preset } : {};
}

export function isCustom(search: RangeSearch): search is { from: string; to: string } {
  return search.from !== undefined && search.to !== undefined;
}

/** A running job opens on its last quarter of an hour, one that has ended on all of it. */
export function presetOf(search: RangeSearch, job: Pick<Job, "status">): Preset {
  return search.range ?? (hasEnded(job.status) ? "all" : "15m");
}

/** What a preset means now; for a job that has ended, counted back from its end. */
export function presetWindow(preset: Preset, job: Job, nowMs: number): Window {
  const endMs = endOf(job) ?? nowMs;
  const shortestMs = hasEnded(job.status) ? SHORTEST_PAST_MS : SHORTEST_WINDOW_MS;
  const earliest = Math.min(startOf(job), endMs - shortestMs);
  return { fromMs: Math.max(endMs - presets[preset].spanMs, earliest), toMs: endMs };
}

/** Whether the job is younger than what the preset promises, so that its window begins with the job. */
export function beginsWithJob(preset: Preset, job: Job, nowMs: number): boolean {
  return preset !== "all" && startOf(job) > (endOf(job) ?? nowMs) - presets[preset].spanMs;
}

export function customWindow(search: { from: string; to: string }): Window {
  return { fromMs: Date.parse(search.from), toMs: Date.parse(search.to) };
}

export function toSearch({ fromMs, toMs }: Window): { from: string; to: string } {
  return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
}

function startOf(job: Job): number {
  return Date.parse(job.startedAt ?? job.createdAt);
}

function endOf(job: Job): number | null {
  if (!hasEnded(job.status)) return null;
  return Date.parse(job.completedAt ?? job.updatedAt);
}
