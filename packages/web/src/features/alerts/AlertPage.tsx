import type { AlertDetail, AlertEvent } from "@nightbell/contract";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { hasCode } from "../../api/errors.js";
import { NotFound } from "../../app/NotFoundPage.js";
import { usePageTitle } from "../../app/title.js";
import { formatClock, formatDay, formatInstant } from "../../format/times.js";
import { Card } from "../../ui/Card.js";
import { Icon, type IconName } from "../../ui/Icon.js";
import { ErrorState, Loading, Notice } from "../../ui/states.js";
import { useNow } from "../../ui/useNow.js";
import { useTimeZone } from "../accounts/queries.js";
import { lasted } from "./AlertRows.js";
import { EvidenceCard } from "./evidence/EvidenceCard.js";
import { AlertStatusLabel, SeverityLabel } from "./labels.js";
import { alertQuery } from "./queries.js";
import { useAlertNews } from "./useAlertNews.js";

const route = getRouteApi("/app/alerts/$alertId");

export function AlertPage() {
  const { alertId } = route.useParams();
  useAlertNews();
  const alert = useQuery(alertQuery(alertId));
  if (hasCode(alert.error, "not_found")) return <NotFound />;
  if (alert.data !== undefined) return <AlertView alert={alert.data} />;
  if (alert.error !== null) return <ErrorState error={alert.error} onRetry={() => void alert.refetch()} />;
  return <Loading label="Loading the alert" />;
}

function AlertView({ alert }: { alert: AlertDetail }) {
  usePageTitle(alert.title);
  const timeZone = useTimeZone();
  const now = useNow(1_000, alert.resolvedAt === null);
  return (
    <div className="mx-auto max-w-6xl px-4 pb-16 sm:px-8">
      <header className="pt-4 pb-5 sm:pt-6">
        <Link
          to="/alerts"
          className="-ml-1.5 inline-flex h-7 items-center gap-1 rounded-md px-1.5 text-sm text-soft hover:text-ink"
        >
          <Icon name="chevronLeft" size={14} /> Alerts
        </Link>
        <h1 className="mt-1 text-2xl font-semibold [overflow-wrap:anywhere]">{alert.title}</h1>
        <div role="status" className="mt-2.5 flex flex-wrap items-center gap-x-4 gap-y-1 text-sm text-soft">
          <AlertStatusLabel status={alert.status} />
          <SeverityLabel severity={alert.severity} />
          <span className="num">{lasted(alert, now)}</span>
        </div>
      </header>
      <div className="grid gap-5">
        {alert.suppression !== null && (
          <Notice tone="warn" title="This alert is held back">
            {alert.suppression.kind === "maintenance"
              ? `The maintenance window “${alert.suppression.name}” is under way. What still holds at its end becomes open.`
              : `The job is reached through “${alert.suppression.name}”, which is down.`}
          </Notice>
        )}
        <div className="grid items-start gap-5 lg:grid-cols-[minmax(0,1fr)_22rem]">
          <div className="grid gap-5">
            {alert.evidence.length > 0 && <EvidenceCard alert={alert} timeZone={timeZone} />}
            <Card title="Timeline">
              <ol className="px-4 py-3 sm:px-5">
                {alert.timeline.map((event) => (
                  <TimelineEntry key={event.id} event={event} timeZone={timeZone} />
                ))}
              </ol>
            </Card>
          </div>
          <div className="grid gap-5">
            <Card title="About">
              <dl className="px-4 py-2 text-sm sm:px-5">
                <Fact term="Job">
                  {alert.job === null ? (
                    "This installation"
                  ) : alert.job.id === null ? (
                    `${alert.job.title} (deleted)`
                  ) : (
                    <Link
                      to="/jobs/$jobId"
                      params={{ jobId: alert.job.id }}
                      className="text-brass hover:underline"
                    >
                      {alert.job.title}
                    </Link>
                  )}
                </Fact>
                {alert.rule !== null && (
                  <Fact term="Rule">
                    {alert.rule.id === null ? (
                      `${alert.rule.name} (deleted)`
                    ) : (
                      <Link
                        to="/rules/$ruleId"
                        params={{ ruleId: alert.rule.id }}
                        className="text-brass hover:underline"
                      >
                        {alert.rule.name}
                      </Link>
                    )}
                  </Fact>
                )}
                <Fact term="Since">{formatInstant(alert.startedAt, timeZone)}</Fact>
                <Fact term="Noticed">{formatInstant(alert.openedAt, timeZone)}</Fact>
                {alert.resolvedAt !== null && (
                  <Fact term="Resolved">{formatInstant(alert.resolvedAt, timeZone)}</Fact>
                )}
              </dl>
            </Card>
            {alert.locations.length > 0 && (
              <Card title="Locations">
                <ul className="px-4 py-2 text-sm sm:px-5">
                  {alert.locations.map((location) => (
                    <li key={location.name} className="flex items-center justify-between gap-4 py-1.5">
                      <span className="inline-flex items-center gap-1.5">
                        <Icon
                          name={location.isBad ? "cross" : "check"}
                          size={14}
                          label={location.isBad ? "bad" : "good"}
                          className={location.isBad ? "text-missed" : "text-good"}
                        />
                        {location.name}
                      </span>
                      <span className="num text-faint">since {formatClock(location.since, timeZone)}</span>
                    </li>
                  ))}
                </ul>
              </Card>
            )}
          </div>
        </div>
      </div>
    </div>
  );
}

const eventIcons: Record<AlertEvent["kind"], { icon: IconName; tone: string }> = {
  opened: { icon: "bell", tone: "text-missed" },
  suppressed: { icon: "pause", tone: "text-brass" },
  unsuppressed: { icon: "play", tone: "text-missed" },
  location_failed: { icon: "cross", tone: "text-missed" },
  location_recovered: { icon: "arrowUp", tone: "text-good" },
  evidence: { icon: "ruler", tone: "text-signal" },
  resolved: { icon: "check", tone: "text-good" },
};

function TimelineEntry({ event, timeZone }: { event: AlertEvent; timeZone: string }) {
  const { icon, tone } = eventIcons[event.kind];
  return (
    <li className="relative flex gap-3 pb-5 last:pb-1 before:absolute before:top-7 before:bottom-0 before:left-3.25 before:w-px before:bg-line last:before:hidden">
      <span className="grid size-6.5 shrink-0 place-items-center rounded-full border border-line bg-canvas">
        <Icon name={icon} size={14} className={tone} />
      </span>
      <div className="min-w-0 pt-0.5">
        <p className="[overflow-wrap:anywhere]">{event.text}</p>
        <time
          dateTime={event.at}
          title={formatInstant(event.at, timeZone)}
          className="num text-xs text-faint"
        >
          {formatDay(event.at, timeZone)}, {formatClock(event.at, timeZone)}
        </time>
      </div>
    </li>
  );
}

function Fact({ term, children }: { term: string; children: ReactNode }) {
  return (
    <div className="flex justify-between gap-4 border-b border-line/60 py-1.5 last:border-b-0">
      <dt className="shrink-0 text-soft">{term}</dt>
      <dd className="num min-w-0 text-right [overflow-wrap:anywhere]">{children}</dd>
    </div>
  );
}
