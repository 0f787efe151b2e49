import type { Job } from "@nightbell/contract";
import { serverNow } from "../../api/serverClock.js";
import { useNow } from "../../ui/useNow.js";
import { hasEnded } from "../jobs/transitions.js";
import {
  beginsWithJob,
  customWindow,
  isCustom,
  presets,
  presetOf,
  presetWindow,
  type Preset,
  type RangeSearch,
  type Window,
} from "./range.js";

export interface ChartWindow {
  search: RangeSearch;
  preset: Preset;
  /** Names the window for caches: a preset that moves with time keeps its key. */
  key: string;
  window: Window;
  /** The window as it is when called, for a request. */
  read: () => Window;
  /** The window is shorter than its preset, because the job is younger. */
  beginsWithJob: boolean;
  isFollowing: boolean;
  hasEnded: boolean;
  /** How often what the server computes over the window is worth asking again: the younger the job, the sooner. */
  refreshMs: number;
  summaryRefreshMs: number;
}

/** The window moves by about a pixel at a time. */
const STEPS_PER_WINDOW = 600;

export function useChartWindow(job: Job, search: RangeSearch): ChartWindow {
  const isOver = hasEnded(job.status);
  const preset = presetOf(search, job);
  const isFollowing = !isCustom(search) && !isOver;
  const spanMs = Math.min(presets[preset].spanMs, Date.now() - Date.parse(job.createdAt));
  const now = useNow(clamp(spanMs / STEPS_PER_WINDOW, 1_000, 30_000), isFollowing);
  const at = (nowMs: number) => (isCustom(search) ? customWindow(search) : presetWindow(preset, job, nowMs));
  return {
    search,
    preset,
    key: isCustom(search) ? `${search.from}/${search.to}` : preset,
    window: at(now),
    read: () => at(serverNow()),
    beginsWithJob: !isCustom(search) && beginsWithJob(preset, job, now),
    isFollowing,
    hasEnded: isOver,
    refreshMs: clamp(spanMs / 60, 10_000, 60_000),
    summaryRefreshMs: clamp(spanMs / 30, 1_000, 10_000),
  };
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
