import type { MaintenanceWindow } from "@nightbell/contract";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { usePageTitle } from "../../../app/title.js";
import { formatInstant } from "../../../format/times.js";
import { buttonClass } from "../../../ui/Button.js";
import { Card } from "../../../ui/Card.js";
import { Icon } from "../../../ui/Icon.js";
import { PageHeader } from "../../../ui/PageHeader.js";
import { EmptyState, ErrorState, Loading } from "../../../ui/states.js";
import { useTimeZone } from "../../accounts/queries.js";
import { windowListQuery } from "../queries.js";
import { scheduleText, selectorText } from "../words.js";

export function MaintenancePage() {
  usePageTitle("Maintenance");
  const windows = useQuery(windowListQuery);
  const add = (
    <Link to="/maintenance/new" className={buttonClass("primary")}>
      <Icon name="plus" /> New window
    </Link>
  );
  return (
    <div className="mx-auto max-w-6xl px-4 pb-16 sm:px-8">
      <PageHeader title="Maintenance">
        {windows.data !== undefined && windows.data.length > 0 && add}
      </PageHeader>
      {windows.data === undefined && windows.error === null && (
        <Loading label="Loading maintenance windows" />
      )}
      {windows.data === undefined && windows.error !== null && (
        <ErrorState error={windows.error} onRetry={() => void windows.refetch()} />
      )}
      {windows.data?.length === 0 && (
        <EmptyState icon="calendar" title="No maintenance window" action={add}>
          While a window is under way, alerts of its jobs are held back. What still holds at its end becomes
          open.
        </EmptyState>
      )}
      {windows.data !== undefined && windows.data.length > 0 && (
        <Card>
          <ul aria-label="Maintenance windows" className="divide-y divide-line">
            {windows.data.map((window) => (
              <WindowRow key={window.id} window={window} />
            ))}
          </ul>
        </Card>
      )}
    </div>
  );
}

function WindowRow({ window }: { window: MaintenanceWindow }) {
  const timeZone = useTimeZone();
  return (
    <li className="relative grid gap-x-4 gap-y-1 px-4 py-3 hover:bg-hover sm:px-5 md:grid-cols-[minmax(0,1fr)_10rem_16rem] md:items-center">
      <div className="min-w-0">
        <Link
          to="/maintenance/$windowId"
          params={{ windowId: window.id }}
          className={`font-medium [overflow-wrap:anywhere] after:absolute after:inset-0 ${window.isEnabled ? "" : "text-faint"}`}
        >
          {window.name}
        </Link>
        <p className="num text-sm text-faint">{scheduleText(window.schedule, timeZone)}</p>
      </div>
      <p className="text-sm text-soft">{selectorText(window.selector)}</p>
      <p className="num text-sm text-soft md:text-right">{stateOf(window, timeZone)}</p>
    </li>
  );
}

function stateOf({ isEnabled, isActive, occurrence }: MaintenanceWindow, timeZone: string) {
  if (!isEnabled) return "off";
  if (occurrence === null) return "over";
  return isActive ? (
    <span className="font-medium text-brass">under way until {formatInstant(occurrence.to, timeZone)}</span>
  ) : (
    `next ${formatInstant(occurrence.from, timeZone)}`
  );
}
