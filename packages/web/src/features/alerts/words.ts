// How rules, alerts and windows are said on the screen.
import type {
  AlertCondition,
  AlertQuorum,
  AlertSeverity,
  AlertStatus,
  AlertSuppression,
  JobSelector,
  MaintenanceSchedule,
} from "@nightbell/contract";
import { formatSeconds } from "../../format/durations.js";
import { formatInstant } from "../../format/times.js";
import type { IconName } from "../../ui/Icon.js";
import { typeLabels } from "../jobs/words.js";

export const severityLabels: Record<AlertSeverity, { label: string; icon: IconName; tone: string }> = {
  critical: { label: "Critical", icon: "warning", tone: "text-missed" },
  warning: { label: "Warning", icon: "warning", tone: "text-warn" },
  info: { label: "Info", icon: "info", tone: "text-signal" },
};

export const alertStatusLabels: Record<AlertStatus, { label: string; icon: IconName; tone: string }> = {
  open: { label: "Open", icon: "bell", tone: "text-missed" },
  suppressed: { label: "Suppressed", icon: "pause", tone: "text-brass" },
  resolved: { label: "Resolved", icon: "check", tone: "text-good" },
};

export const conditionLabels: Record<AlertCondition["kind"], { label: string; explains: string }> = {
  missed: {
    label: "Missed samples",
    explains: "How many of the newest samples had no answer, or a wrong one",
  },
  loss: { label: "Loss", explains: "The share of missed samples over a window of time" },
  latency: { label: "RTT or jitter", explains: "Average, p95 or maximum over a window of time" },
  certificate: { label: "Certificate", explains: "Days until the TLS certificate expires" },
  baseline: { label: "Slower than usual", explains: "Deviation from the job's own habit" },
};

const statistics = { avg: "average", p95: "p95", max: "maximum" } as const;

/** By what an alert is held back. */
export function suppressionText({ kind, name }: AlertSuppression): string {
  return kind === "maintenance" ? `held back by the window “${name}”` : `held back while “${name}” is down`;
}

/** What raises the alert: `3 of the last 5 samples missed`. */
export function conditionText(condition: AlertCondition): string {
  switch (condition.kind) {
    case "missed":
      return condition.missed === condition.of
        ? `${condition.of} missed in a row`
        : `${condition.missed} of the last ${condition.of} missed`;
    case "loss":
      return `loss over ${formatSeconds(condition.windowSeconds)} above ${condition.abovePercent} %`;
    case "latency": {
      const measure = condition.measure === "rtt" ? "RTT" : "jitter";
      return `${statistics[condition.statistic]} ${measure} over ${formatSeconds(condition.windowSeconds)} above ${condition.aboveMs} ms`;
    }
    case "certificate":
      return `fewer than ${condition.belowDays} days left`;
    case "baseline":
      return `${condition.samples} in a row slower than usual by ${condition.factor} deviations and ${condition.minChangeMs} ms`;
  }
}

export function selectorText(selector: JobSelector): string {
  switch (selector.kind) {
    case "all":
      return "All jobs";
    case "type":
      return `All ${typeLabels[selector.type].label} jobs`;
    case "jobs":
      return selector.jobIds.length === 1 ? "1 job" : `${selector.jobIds.length} jobs`;
  }
}

export function quorumText(quorum: AlertQuorum): string {
  if (quorum === "all") return "at all locations";
  return quorum === 1 ? "at any location" : `at ${quorum} locations or more`;
}

export function scheduleText(schedule: MaintenanceSchedule, timeZone: string): string {
  return schedule.kind === "once"
    ? `${formatInstant(schedule.from, timeZone)} to ${formatInstant(schedule.to, timeZone)}`
    : `${schedule.cron}, for ${formatSeconds(schedule.durationMinutes * 60)} (${schedule.timeZone})`;
}
