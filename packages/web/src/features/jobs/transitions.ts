import type { JobStatus } from "@nightbell/contract";
import type { IconName } from "../../ui/Icon.js";
import type { BulkAction } from "./queries.js";

/** What can be done to a job in each status (M1); the server decides, this keeps the buttons honest. */
const allowed: Record<JobStatus, readonly BulkAction[]> = {
  pending: ["pause", "cancel", "delete"],
  running: ["pause", "cancel", "delete"],
  paused: ["resume", "cancel", "delete"],
  completed: ["delete"],
  cancelled: ["delete"],
};

export function canDo(action: BulkAction, status: JobStatus): boolean {
  return allowed[status].includes(action);
}

export function hasEnded(status: JobStatus): boolean {
  return status === "completed" || status === "cancelled";
}

export const actionLabels: Record<BulkAction, { verb: string; done: string; icon: IconName }> = {
  pause: { verb: "Pause", done: "paused", icon: "pause" },
  resume: { verb: "Resume", done: "resumed", icon: "play" },
  cancel: { verb: "Cancel", done: "cancelled", icon: "stop" },
  delete: { verb: "Delete", done: "deleted", icon: "trash" },
};
