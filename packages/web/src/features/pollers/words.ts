import type { PollerState } from "@nightbell/contract";
import type { IconName } from "../../ui/Icon.js";

export const stateLabels: Record<PollerState, { label: string; icon: IconName; tone: string }> = {
  joining: { label: "Joining", icon: "clock", tone: "text-signal" },
  active: { label: "Active", icon: "pulse", tone: "text-good" },
  leaving: { label: "Leaving", icon: "logOut", tone: "text-brass" },
  dead: { label: "Dead", icon: "cross", tone: "text-missed" },
};

/** `412 MB`: memory to three digits. */
export function formatMemory(bytes: number): string {
  const megabytes = bytes / 1_048_576;
  return megabytes < 1_024 ? `${megabytes.toFixed(0)} MB` : `${(megabytes / 1_024).toFixed(2)} GB`;
}

/** `0.4`, `12.5`, `10,240`: a rate a second. */
export function formatRate(perSecond: number): string {
  return perSecond < 100
    ? Number(perSecond.toFixed(1)).toString()
    : Math.round(perSecond).toLocaleString("en");
}
