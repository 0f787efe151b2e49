import type { Job } from "@nightbell/contract";
import { useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { jobPageQuery } from "../queries.js";
import { listQuery, PAGE_SIZE, type ListSearch } from "./listSearch.js";

/** A list that moves by more than a screen in this time flies past: nobody reads it, and no page is asked for. */
const SETTLE_MS = 80;
/** Rows beyond the screen whose page is asked for already. */
const MARGIN = 10;

/**
 * The part of a long list that is in view: pages of 50 are read when their rows come near and forgotten a minute after
 * they left, so 100,000 rows cost no more than one screen. While new filters load, the rows of the old ones stay.
 */
export function useJobWindow(filters: ListSearch) {
  const queryClient = useQueryClient();
  const [shown, setShown] = useState(filters);
  const [inView, see] = usePagesInView();

  const head = useQuery(jobPageQuery(listQuery(filters, 1)));
  if (head.data !== undefined && shown !== filters) setShown(filters);

  const pageAt = (page: number) => queryClient.getQueryData(jobPageQuery(listQuery(shown, page)).queryKey);
  const pagination = pageAt(1)?.pagination;
  const pages = inView.filter(
    (page) => (page > 1 || shown !== filters) && page <= (pagination?.totalPages ?? page),
  );
  const { failures } = useQueries({
    queries: pages.map((page) => jobPageQuery(listQuery(shown, page))),
    combine: (results) => ({
      failures: results.filter((result) => result.error !== null).length,
      // Rows are read from the cache below; this makes each arrival a new render.
      arrivals: results.map((result) => result.dataUpdatedAt).join(),
    }),
  });
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

/** The pages to hold, followed at a person's pace: while the list flies past, nothing is asked for or drawn again. */
function usePagesInView() {
  const [pages, setPages] = useState<readonly number[]>([1]);
  const latest = useRef({ first: 0, last: 0 });
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const look = useCallback((since: { first: number }) => {
    timer.current = setTimeout(() => {
      timer.current = undefined;
      const { first, last } = latest.current;
      if (Math.abs(first - since.first) > last - first) return look(latest.current);
      const wanted = pagesBetween(Math.max(0, first - MARGIN), last + MARGIN);
      setPages((pages) => (pages.join() === wanted.join() ? pages : wanted));
    }, SETTLE_MS);
  }, []);
  useEffect(() => () => clearTimeout(timer.current), []);
  const see = useCallback(
    (first: number, last: number) => {
      latest.current = { first, last };
      if (timer.current === undefined) look(latest.current);
    },
    [look],
  );
  return [pages, see] as const;
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
