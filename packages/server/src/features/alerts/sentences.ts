// What alerts say, in words for people.
import type { AlertCondition, AlertResolution, AlertSuppression } from "@nightbell/contract";
import type { Happening } from "./decide.js";

/** What holds, as the end of a sentence: `3 of the last 3 samples were missed`. */
export function conditionText(condition: AlertCondition, value: number | null): string {
  switch (condition.kind) {
    case "missed":
      return `${value ?? condition.missed} of the last ${condition.of} samples were missed`;
    case "loss":
      return value === null
        ? `more than ${condition.abovePercent} % of the samples of ${span(condition.windowSeconds)} were missed`
        : `${rounded(value)} % of the samples of ${span(condition.windowSeconds)} were missed`;
    case "latency": {
      const measure = condition.measure === "rtt" ? "RTT" : "jitter";
      const what = `${statistics[condition.statistic]} ${measure} of ${span(condition.windowSeconds)}`;
      const is = value === null ? "" : `${rounded(value)} ms, `;
      return `the ${what} is ${is}above ${rounded(condition.aboveMs)} ms`;
    }
    case "certificate":
      return value === null
        ? `the certificate expires in fewer than ${condition.belowDays} days`
        : certificateText(value);
    case "baseline":
      return value === null ? "the RTT is unusually high" : `the RTT is unusually high: ${rounded(value)} ms`;
  }
}

export interface HappeningContext {
  condition: AlertCondition;
  /** What held when it happened. */
  value: number | null;
  /** Locations where it holds. */
  badLocations: readonly string[];
  locationName: (locationNo: number) => string;
  suppression: AlertSuppression | null;
  resolution: AlertResolution | null;
}

/** A line of the timeline. */
export function happeningText({ kind, condition }: Happening, context: HappeningContext): string {
  const location = condition === undefined ? "" : context.locationName(condition.locationNo);
  switch (kind) {
    case "opened": {
      const where = context.badLocations.length === 0 ? "" : ` at ${context.badLocations.join(", ")}`;
      return `Raised: ${conditionText(context.condition, context.value)}${where}`;
    }
    case "suppressed":
      return `Suppressed: ${suppressionText(context.suppression)}`;
    case "unsuppressed":
      return "Open: nothing accounts for it any more";
    case "location_failed":
      return `Also at ${location}: ${conditionText(context.condition, condition?.value ?? null)}`;
    case "location_recovered":
      return `Recovered at ${location}`;
    case "resolved":
      return resolutionTexts[context.resolution ?? "recovered"];
  }
}

export const resolutionTexts: Record<AlertResolution, string> = {
  recovered: "Resolved: recovered",
  job_stopped: "Resolved: the job is not running any more",
  job_deleted: "Resolved: the job was deleted",
  rule_disabled: "Resolved: the rule was switched off",
  rule_changed: "Resolved: the rule was changed; what still holds is raised anew",
  rule_deleted: "Resolved: the rule was deleted",
};

const statistics = { avg: "average", p95: "p95", max: "highest" } as const;

function suppressionText(suppression: AlertSuppression | null): string {
  if (suppression === null) return "something else accounts for it";
  return suppression.kind === "maintenance"
    ? `the maintenance window ${suppression.name} is under way`
    : `its parent ${suppression.name} is down`;
}

function certificateText(days: number): string {
  if (days < 0) return "the certificate has expired";
  return `the certificate expires in ${days} ${days === 1 ? "day" : "days"}`;
}

/** `30 s`, `5 min`, `2 h`. */
function span(seconds: number): string {
  if (seconds % 3_600 === 0) return `${seconds / 3_600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

function rounded(value: number): string {
  return String(Number(value.toPrecision(value < 100 ? 2 : 3)));
}
