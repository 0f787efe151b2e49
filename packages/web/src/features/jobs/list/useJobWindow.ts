import type { Job } from "@nightbell/contract";
import { useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useState } from "react";
import { jobPageQuery } from "../queries.js";
import { listQuery, PAGE_SIZE, type ListSearch } from "./listSearch.js";

/** While the list flies past, no page is asked for until the view rests this long. */
const SETTLE_MS = 80;

/**
 * The part of a long list that is in view: pages of 50 are read when their rows come near and forgotten a minute after
 * they left, so 100,000 rows cost no more than one screen. While new filters load, the rows of the old ones stay.
 */
export function useJobWindow(filters: ListSearch) {
  const queryClient = useQueryClient();
  const [shown, setShown] = useState(filters);
  const [view, setView] = useState({ first: 0, last: 0 });
  const settled = useSettled(view);

  const head = useQuery(jobPageQuery(listQuery(filters, 1)));
  if (head.data !== undefined && shown !== filters) setShown(filters);

  const pages = pagesBetween(settled.first, settled.last).filter((page) => page > 1 || shown !== filters);
  const { failures } = useQueries({
    queries: pages.map((page) => jobPageQuery(listQuery(shown, page))),
    combine: (results) => ({
      failures: results.filter((result) => result.error !== null).length,
      // Rows are read from the cache below; this makes each arrival a new render.
      arrivals: results.map((result) => result.dataUpdatedAt).join(),
    }),
  });
  const see = useCallback((first: number, last: number) => {
    setView((view) => (view.first === first && view.last === last ? view : { first, last }));
  }, []);

  const pageAt = (page: number) => queryClient.getQueryData(jobPageQuery(listQuery(shown, page)).queryKey);
  const pagination = pageAt(1)?.pagination;
  return {
    /** Null until the first page has arrived. */
    total: pagination?.totalItems ?? null,
    totalIsEstimate: pagination?.totalIsEstimate ?? false,
    rowAt: (index: number): Job | undefined =>
      pageAt(Math.floor(index / PAGE_SIZE) + 1)?.data[index % PAGE_SIZE],
    /** Tells which rows are on the screen. */
    see,
    error: pagination === undefined ? head.error : null,
    hasFailedPages: failures > 0,
    isChanging: shown !== filters,
    retry: () => void head.refetch(),
  };
}

export function pagesBetween(firstRow: number, lastRow: number): number[] {
  const first = Math.floor(firstRow / PAGE_SIZE) + 1;
  const last = Math.floor(Math.max(firstRow, lastRow) / PAGE_SIZE) + 1;
  return Array.from({ length: last - first + 1 }, (_, offset) => first + offset);
}

/** The value once it has stayed the same for a moment. */
export function useSettled<Value>(value: Value, settleMs = SETTLE_MS): Value {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), settleMs);
    return () => clearTimeout(timer);
  }, [value, settleMs]);
  return settled;
}
