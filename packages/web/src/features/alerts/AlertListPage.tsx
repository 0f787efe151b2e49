import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { usePageTitle } from "../../app/title.js";
import { Button, buttonClass } from "../../ui/Button.js";
import { Card } from "../../ui/Card.js";
import { PageHeader } from "../../ui/PageHeader.js";
import { Segmented } from "../../ui/Segmented.js";
import { EmptyState, ErrorState, Loading } from "../../ui/states.js";
import { AlertRows } from "./AlertRows.js";
import type { AlertFilter } from "./alertSearch.js";
import { alertListQuery } from "./queries.js";
import { useAlertNews } from "./useAlertNews.js";

const route = getRouteApi("/app/alerts");

const filters: { value: AlertFilter; label: string }[] = [
  { value: "unresolved", label: "Unresolved" },
  { value: "resolved", label: "Resolved" },
  { value: "all", label: "All" },
];

export function AlertListPage() {
  usePageTitle("Alerts");
  useAlertNews();
  const navigate = useNavigate();
  const { show = "unresolved" } = route.useSearch();
  const alerts = useInfiniteQuery({
    ...alertListQuery(show === "all" ? {} : { status: show }),
    placeholderData: keepPreviousData,
  });
  const rows = alerts.data?.pages.flatMap(({ data }) => data) ?? [];
  return (
    <div className="mx-auto max-w-6xl px-4 pb-16 sm:px-8">
      <PageHeader title="Alerts">
        <Segmented
          label="Which alerts"
          options={filters}
          value={show}
          onChange={(value) =>
            void navigate({ to: "/alerts", search: value === "unresolved" ? {} : { show: value } })
          }
        />
      </PageHeader>
      {alerts.data === undefined && alerts.error === null && <Loading label="Loading alerts" />}
      {alerts.data === undefined && alerts.error !== null && (
        <ErrorState error={alerts.error} onRetry={() => void alerts.refetch()} />
      )}
      {alerts.data !== undefined && rows.length === 0 && <NoAlerts show={show} />}
      {rows.length > 0 && (
        <Card>
          <AlertRows alerts={rows} label="Alerts" />
        </Card>
      )}
      {alerts.hasNextPage && (
        <div className="mt-5 text-center">
          <Button isBusy={alerts.isFetchingNextPage} onClick={() => void alerts.fetchNextPage()}>
            Show older ones
          </Button>
        </div>
      )}
    </div>
  );
}

function NoAlerts({ show }: { show: AlertFilter }) {
  return (
    <EmptyState
      icon="bell"
      title={show === "unresolved" ? "Nothing is wrong" : "No alert yet"}
      action={
        <Link to="/rules" className={buttonClass("plain")}>
          Alert rules
        </Link>
      }
    >
      {show === "unresolved"
        ? "No alert is open. New ones appear here by themselves."
        : "What alert rules find is kept here, with how it began and how it ended."}
    </EmptyState>
  );
}
