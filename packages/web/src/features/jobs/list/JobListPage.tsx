import { Link, useNavigate, getRouteApi } from "@tanstack/react-router";
import { useCallback, useRef } from "react";
import { useShortcuts } from "../../../app/shortcuts.js";
import { usePageTitle } from "../../../app/title.js";
import { countOf } from "../../../format/measures.js";
import { buttonClass } from "../../../ui/Button.js";
import { Icon } from "../../../ui/Icon.js";
import { ErrorState, Notice } from "../../../ui/states.js";
import type { Job } from "@nightbell/contract";
import type { BulkAction } from "../queries.js";
import { useBulk } from "../useBulk.js";
import { BulkBar } from "./BulkBar.js";
import { FilterBar } from "./FilterBar.js";
import { FirstSteps, NothingMatches } from "./EmptyList.js";
import { isFiltered, type ListSearch } from "./listSearch.js";
import { useJobWindow } from "./useJobWindow.js";
import { useSelection } from "./useSelection.js";
import { VirtualRows } from "./VirtualRows.js";

const route = getRouteApi("/app/jobs");

export function JobListPage() {
  usePageTitle("Jobs");
  const search = route.useSearch();
  const navigate = useNavigate();
  const list = useJobWindow(search);
  const selection = useSelection(search, list.rowAt);
  const bulk = useBulk(selection.clear);
  const searchInput = useRef<HTMLInputElement>(null);

  const setSearch = (change: Partial<Record<keyof ListSearch, string | undefined>>) =>
    void navigate({ to: "/jobs", search: { ...search, ...change } as ListSearch, replace: true });

  useShortcuts({
    "/": () => {
      searchInput.current?.focus();
      searchInput.current?.select();
    },
  });

  const { ask } = bulk;
  const act = useCallback(
    (action: BulkAction | "edit", job: Job) => {
      if (action === "edit") void navigate({ to: "/jobs/$jobId/edit", params: { jobId: job.id } });
      else ask(action, [job.id]);
    },
    [navigate, ask],
  );

  const isEmpty = list.total === 0;
  return (
    <div className="flex h-full flex-col">
      <header className="flex items-center justify-between gap-4 px-4 pt-4 pb-3 sm:px-7 lg:pt-7">
        <div className="flex min-w-0 items-baseline gap-3">
          <h1 className="text-2xl font-semibold">Jobs</h1>
          {list.total !== null && list.total > 0 && (
            <p role="status" className="num truncate text-sm text-faint">
              {list.totalIsEstimate && "about "}
              {countOf(list.total, "job")}
            </p>
          )}
        </div>
        <Link to="/jobs/new" className={buttonClass("primary")} aria-keyshortcuts="n">
          <Icon name="plus" /> New job
        </Link>
      </header>
      {(!isEmpty || isFiltered(search)) && (
        <FilterBar ref={searchInput} search={search} onChange={setSearch} />
      )}
      {list.total === 1 && !isFiltered(search) && <SecondStep />}
      {list.hasFailedPages && (
        <div className="px-4 pb-3 sm:px-7">
          <Notice tone="warn">Some rows could not be loaded; they are tried again as you scroll.</Notice>
        </div>
      )}
      {list.error !== null ? (
        <ErrorState error={list.error} onRetry={list.retry} />
      ) : isEmpty ? (
        isFiltered(search) ? (
          <NothingMatches onClear={() => void navigate({ to: "/jobs", search: {} })} />
        ) : (
          <FirstSteps />
        )
      ) : (
        <VirtualRows
          list={list}
          search={search}
          selection={selection}
          onSort={(sort) => setSearch({ sort })}
          onAction={act}
        />
      )}
      {selection.count > 0 && <BulkBar selection={selection} isBusy={bulk.isBusy} onAction={bulk.ask} />}
      {bulk.dialog}
    </div>
  );
}

function SecondStep() {
  return (
    <div className="px-4 pb-3 sm:px-7">
      <Notice tone="plain" title="Your first job is measuring">
        Open it for the live chart. Next, add the things it depends on, such as its DNS name and its
        certificate: then you can tell them apart when something breaks.
      </Notice>
    </div>
  );
}
