import type { Job } from "@nightbell/contract";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useRef, type ReactNode } from "react";
import { useShortcuts } from "../../../app/shortcuts.js";
import { CheckMark } from "../../../ui/Field.js";
import { Icon } from "../../../ui/Icon.js";
import { useMediaQuery } from "../../../ui/useMediaQuery.js";
import type { BulkAction } from "../queries.js";
import { ROW_GRID, ROW_HEIGHT } from "./columns.js";
import { JobRow, RowBones } from "./JobRow.js";
import { DEFAULT_SORT, nextSort, type ListSearch, type Sort } from "./listSearch.js";
import type { useJobWindow } from "./useJobWindow.js";
import { useRecent } from "./useRecent.js";
import type { Selection } from "./useSelection.js";

/** Rows drawn beyond the edge of the view, so that a slow scroll never shows an unfinished one. */
const OVERSCAN = 8;
/** Rows drawn before the first answer says how many there are. */
const UNKNOWN_TOTAL = 12;
/** Where the list was left, to come back to it from a job's page. */
const leftAt = { key: "", offset: 0 };

export function VirtualRows({
  list,
  search,
  selection,
  onSort,
  onAction,
}: {
  list: ReturnType<typeof useJobWindow>;
  search: ListSearch;
  selection: Selection;
  onSort: (sort: Sort) => void;
  onAction: (action: BulkAction | "edit", job: Job) => void;
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const isWide = useMediaQuery("(min-width: 52rem)");
  const height = isWide ? ROW_HEIGHT.wide : ROW_HEIGHT.narrow;
  const total = list.total ?? UNKNOWN_TOTAL;
  const virtualizer = useVirtualizer({
    count: total,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: OVERSCAN,
  });
  useEffect(() => virtualizer.measure(), [virtualizer, height]);

  const range = virtualizer.range;
  const first = range?.startIndex ?? 0;
  const last = range?.endIndex ?? 0;
  const { see } = list;
  useEffect(() => see(first, last), [first, last, see]);

  useKeptOffset(JSON.stringify(search), list.total, virtualizer);
  const focusRow = useRowKeys(
    scroller,
    total,
    (index) => virtualizer.scrollToIndex(index),
    (index) => {
      const job = list.rowAt(index);
      if (job !== undefined) selection.toggle(index, job, false);
    },
  );

  const inView = Array.from({ length: last - first + 1 }, (_, offset) => list.rowAt(first + offset)?.id);
  const recent = useRecent(inView.filter((id) => id !== undefined));

  return (
    <div
      role="table"
      aria-label="Jobs"
      aria-rowcount={total + 1}
      aria-busy={list.isChanging}
      className="flex min-h-0 flex-1 flex-col border-t border-line"
    >
      <HeaderRow sort={search.sort ?? DEFAULT_SORT} selection={selection} onSort={onSort} />
      <div ref={scroller} className="min-h-0 flex-1 overflow-y-auto overscroll-contain bg-surface pb-20">
        <div role="rowgroup" className="relative" style={{ height: virtualizer.getTotalSize() }}>
          {virtualizer.getVirtualItems().map((item) => {
            const job = list.rowAt(item.index);
            return job === undefined ? (
              <RowBones key={item.index} top={item.start} height={height} />
            ) : (
              <JobRow
                key={job.id}
                job={job}
                recent={recent.get(job.id)}
                index={item.index}
                isSelected={selection.has(job.id)}
                isWide={isWide}
                top={item.start}
                height={height}
                onSelect={selection.toggle}
                onAction={onAction}
                onFocus={focusRow}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

function HeaderRow({
  sort,
  selection,
  onSort,
}: {
  sort: Sort;
  selection: Selection;
  onSort: (sort: Sort) => void;
}) {
  const column = (name: "title" | "status" | "cadenceSeconds", label: string, className = "") => {
    const isAscending = sort === name;
    const isOn = isAscending || sort === `-${name}`;
    return (
      <div
        role="columnheader"
        aria-sort={isOn ? (isAscending ? "ascending" : "descending") : "none"}
        className={className}
      >
        <button
          type="button"
          onClick={() => onSort(nextSort(name, sort))}
          className="eyebrow -mx-1.5 inline-flex h-7 items-center gap-1 rounded-sm px-1.5 hover:text-ink"
        >
          {label}
          {isOn && <Icon name={isAscending ? "arrowUp" : "arrowDown"} size={12} />}
        </button>
      </div>
    );
  };
  return (
    <div
      role="row"
      aria-rowindex={1}
      className={`h-10 shrink-0 border-b border-line px-1 max-md:hidden sm:px-3 ${ROW_GRID}`}
    >
      <div role="columnheader" className="grid place-items-center">
        <CheckMark
          aria-label="Select all that match, up to 1,000"
          checked={selection.count > 0}
          isPartial={selection.count > 0}
          disabled={selection.isSelecting}
          onChange={() => (selection.count > 0 ? selection.clear() : selection.selectMatching())}
        />
      </div>
      {column("status", "Status")}
      {column("title", "Job")}
      <Head className="hidden xl:block">Type</Head>
      {column("cadenceSeconds", "Cadence", "hidden xl:block")}
      <Head>Recent</Head>
      <Head className="text-right">Last RTT</Head>
      <Head className="text-right">Loss</Head>
      <div role="columnheader">
        <span className="sr-only">Actions</span>
      </div>
    </div>
  );
}

function Head({ children, className = "" }: { children: ReactNode; className?: string }) {
  return (
    <div role="columnheader" className={`eyebrow ${className}`}>
      {children}
    </div>
  );
}

/** Comes back to where the list was left, once it is known again how long it is. */
function useKeptOffset(
  key: string,
  total: number | null,
  virtualizer: { scrollToOffset: (offset: number) => void; scrollOffset: number | null },
): void {
  const isRestored = useRef(leftAt.key !== key);
  useEffect(() => {
    if (total === null || isRestored.current) return;
    isRestored.current = true;
    virtualizer.scrollToOffset(leftAt.offset);
  }, [total, virtualizer]);
  const offset = virtualizer.scrollOffset;
  useEffect(() => {
    if (!isRestored.current || offset === null) return;
    leftAt.key = key;
    leftAt.offset = offset;
  }, [key, offset]);
  const previousKey = useRef(key);
  useEffect(() => {
    if (previousKey.current !== key) virtualizer.scrollToOffset(0);
    previousKey.current = key;
  }, [key, virtualizer]);
}

/** j and k move the focus by a row, x selects it. Returns what tells this which row has the focus. */
function useRowKeys(
  scroller: React.RefObject<HTMLDivElement | null>,
  total: number,
  scrollTo: (index: number) => void,
  select: (index: number) => void,
): (index: number) => void {
  const current = useRef(-1);
  /** Moved to, but perhaps not loaded or drawn yet; given up when the focus goes elsewhere meanwhile. */
  const wanted = useRef<{ index: number; from: Element | null } | null>(null);
  const focusWanted = () => {
    const { index, from } = wanted.current ?? {};
    const link = scroller.current?.querySelector<HTMLElement>(`[data-row="${index}"] a`);
    if (document.activeElement !== from) wanted.current = null;
    else link?.focus({ preventScroll: true });
  };
  useEffect(() => {
    if (wanted.current !== null) focusWanted();
  });
  const move = (by: number) => {
    const next = Math.min(Math.max(current.current + by, 0), total - 1);
    current.current = next;
    wanted.current = { index: next, from: document.activeElement };
    scrollTo(next);
    focusWanted();
  };
  useShortcuts({ j: () => move(1), k: () => move(-1), x: () => select(current.current) });
  return useCallback((index: number) => {
    current.current = index;
  }, []);
}
