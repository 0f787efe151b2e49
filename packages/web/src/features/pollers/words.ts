import type { Poller, PollerReferences, PollerState } from "@nightbell/contract";
import type { IconName } from "../../ui/Icon.js";

interface Label {
  label: string;
  icon: IconName;
  tone: string;
}

const stateLabels: Record<PollerState, Label> = {
  joining: { label: "Joining", icon: "clock", tone: "text-signal" },
  active: { label: "Active", icon: "pulse", tone: "text-good" },
  leaving: { label: "Leaving", icon: "logOut", tone: "text-brass" },
  dead: { label: "Dead", icon: "cross", tone: "text-missed" },
};

const offline: Label = { label: "Offline", icon: "fault", tone: "text-fault" };

/** That it is offline matters more than what it holds. */
export function labelOf({ state, references }: Poller): Label {
  const isOffline = state !== "dead" && typeof references?.offlineSince === "string";
  return isOffline ? offline : stateLabels[state];
}

/** `2 of 3 references reachable`, and which; null without any. */
export function referencesText(references: PollerReferences | null): { text: string; title: string } | null {
  if (references === null) return null;
  const { targets } = references;
  const reachable = targets.filter(({ isReachable }) => isReachable).length;
  return {
    text: `${reachable} of ${targets.length} ${targets.length === 1 ? "reference" : "references"} reachable`,
    title: targets.map(({ target, error }) => `${target}: ${error ?? "reachable"}`).join("\n"),
  };
}

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
