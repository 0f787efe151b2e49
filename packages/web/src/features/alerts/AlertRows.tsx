import type { Alert } from "@nightbell/contract";
import { Link } from "@tanstack/react-router";
import { formatSeconds } from "../../format/durations.js";
import { formatAgo, formatInstant } from "../../format/times.js";
import { useNow } from "../../ui/useNow.js";
import { useTimeZone } from "../accounts/queries.js";
import { AlertStatusLabel, SeverityLabel } from "./labels.js";
import { suppressionText } from "./words.js";

/** Alerts, a line each; the whole line opens the alert. */
export function AlertRows({ alerts, label }: { alerts: readonly Alert[]; label: string }) {
  const now = useNow(10_000);
  const timeZone = useTimeZone();
  return (
    <ul aria-label={label} className="divide-y divide-line">
      {alerts.map((alert) => (
        <li
          key={alert.id}
          className="relative grid gap-x-4 gap-y-1 px-4 py-3 hover:bg-hover sm:px-5 md:grid-cols-[minmax(0,1fr)_7rem_7rem_9rem] md:items-center"
        >
          <div className="min-w-0">
            <Link
              to="/alerts/$alertId"
              params={{ alertId: alert.id }}
              className="font-medium [overflow-wrap:anywhere] after:absolute after:inset-0"
            >
              {alert.title}
            </Link>
            <p className="text-sm text-faint [overflow-wrap:anywhere]">
              {originOf(alert)}
              {alert.status === "suppressed" && alert.suppression !== null && (
                <span className="text-soft">, {suppressionText(alert.suppression)}</span>
              )}
            </p>
          </div>
          <div className="flex gap-4 md:contents">
            <SeverityLabel severity={alert.severity} />
            <AlertStatusLabel status={alert.status} />
          </div>
          <p className="num text-sm text-soft md:text-right" title={formatInstant(alert.openedAt, timeZone)}>
            {alert.resolvedAt === null ? (
              lasted(alert, now)
            ) : (
              <>
                {formatAgo(alert.openedAt, now)}
                <span className="text-faint">, {lasted(alert, now)}</span>
              </>
            )}
          </p>
        </li>
      ))}
    </ul>
  );
}

function originOf(alert: Alert): string {
  if (alert.rule === null) return "This installation";
  const locations = alert.locations.filter(({ isBad }) => isBad).map(({ name }) => name);
  return [alert.rule.name, ...(locations.length > 0 ? [`at ${locations.join(", ")}`] : [])].join(", ");
}

/** How long it was, or is by now. */
export function lasted(
  { startedAt, resolvedAt }: Pick<Alert, "startedAt" | "resolvedAt">,
  now: number,
): string {
  const end = resolvedAt === null ? now : Date.parse(resolvedAt);
  return `${resolvedAt === null ? "for" : "lasted"} ${formatSeconds(Math.max(1, Math.round((end - Date.parse(startedAt)) / 1_000)))}`;
}
