import type { Job } from "@nightbell/contract";
import { serverNow } from "../../api/serverClock.js";
import { useNow } from "../../ui/useNow.js";
import {
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
  isFollowing: boolean;
  hasEnded: boolean;
  /** How often what the server computes over the window is worth asking again. */
  refreshMs: number;
}

/** The window moves by about a pixel at a time. */
const STEPS_PER_WINDOW = 600;

export function useChartWindow(job: Job, search: RangeSearch): ChartWindow {
  const hasEnded = job.status === "completed" || job.status === "cancelled";
  const preset = presetOf(search, job);
  const isFollowing = !isCustom(search) && !hasEnded;
  const spanMs = Math.min(presets[preset].spanMs, Date.now() - Date.parse(job.createdAt));
  const now = useNow(clamp(spanMs / STEPS_PER_WINDOW, 1_000, 30_000), isFollowing);
  const at = (nowMs: number) => (isCustom(search) ? customWindow(search) : presetWindow(preset, job, nowMs));
  return {
    search,
    preset,
    key: isCustom(search) ? `${search.from}/${search.to}` : preset,
    window: at(now),
    read: () => at(serverNow()),
    isFollowing,
    hasEnded,
    refreshMs: clamp(spanMs / 60, 10_000, 60_000),
  };
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
