// What the newest samples of a job say of its target: one rule for the list, the page and the metrics (M1, M3).
import type { Job, JobRecent } from "./jobs.js";

/** What the samples say of the target. `unknown`: we failed to measure it, so that nothing can be said. */
export type TargetHealth = "up" | "down" | "unknown";

/** Null while nothing is measured, or nothing is known yet. */
export function healthOfJob(job: Pick<Job, "status">, recent: JobRecent | undefined): TargetHealth | null {
  return job.status === "running" && recent !== undefined ? healthOf(recent.points) : null;
}

type Slot = JobRecent["points"][number];

/**
 * An answer means up at once. Down and unknown take two slots in a row, so that a single loss stays a loss; what came
 * before them holds until then. Null before the first sample.
 */
export function healthOf(slots: readonly Slot[]): TargetHealth | null {
  const first = slots.findIndex((slot) => slot !== null);
  if (first === -1) return null;
  let health = oneSlot(slots[first] ?? null);
  for (let index = first + 1; index < slots.length; index += 1) {
    const now = oneSlot(slots[index] ?? null);
    if (now === "up" || now === oneSlot(slots[index - 1] ?? null)) health = now;
  }
  return health;
}

/** A slot that nobody probed says as little as an error of ours. */
function oneSlot(slot: Slot): TargetHealth {
  if (slot?.status === "success") return "up";
  return slot?.status === "missed" ? "down" : "unknown";
}
