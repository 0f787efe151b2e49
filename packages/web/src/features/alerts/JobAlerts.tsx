import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { formatAgo } from "../../format/times.js";
import { Card } from "../../ui/Card.js";
import { useNow } from "../../ui/useNow.js";
import { lasted } from "./AlertRows.js";
import { AlertStatusLabel } from "./labels.js";
import { alertListQuery } from "./queries.js";

const SHOWN = 5;

/** The newest alerts of a job. */
export function JobAlerts({ jobId }: { jobId: string }) {
  const alerts = useInfiniteQuery(alertListQuery({ jobId }));
  const now = useNow(10_000);
  const rows = alerts.data?.pages[0]?.data.slice(0, SHOWN) ?? [];
  return (
    <Card title="Alerts">
      {rows.length === 0 ? (
        <p className="px-4 py-3 text-sm text-faint sm:px-5">
          {alerts.data === undefined ? "Loading" : "No alert so far."}
        </p>
      ) : (
        <ul className="px-4 py-2 sm:px-5">
          {rows.map((alert) => (
            <li
              key={alert.id}
              className="relative flex items-center justify-between gap-4 border-b border-line/60 py-1.5 text-sm last:border-b-0"
            >
              <Link
                to="/alerts/$alertId"
                params={{ alertId: alert.id }}
                className="min-w-0 truncate after:absolute after:inset-0 hover:underline"
              >
                {alert.rule?.name}
                <span className="num text-faint">
                  {" "}
                  {formatAgo(alert.openedAt, now)}, {lasted(alert, now)}
                </span>
              </Link>
              <AlertStatusLabel status={alert.status} />
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
