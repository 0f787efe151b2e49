import type { Job } from "@nightbell/contract";
import { useMutation } from "@tanstack/react-query";
import { useCallback, useRef, useState } from "react";
import { sentenceOf } from "../../../api/errors.js";
import { request } from "../../../api/request.js";
import { api } from "../../../api/urls.js";
import { toast } from "../../../ui/toasts.js";
import { JobPage } from "@nightbell/contract";
import { listQuery, type ListSearch } from "./listSearch.js";

/** The most that one bulk call takes. */
export const MAX_SELECTED = 1_000;
const FETCH_LIMIT = 100;

export type Selection = ReturnType<typeof useSelection>;

/** Jobs chosen by id; they stay chosen while filters change and rows scroll away. */
export function useSelection(search: ListSearch, rowAt: (index: number) => Job | undefined) {
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  const anchor = useRef<number | null>(null);
  const rows = useRef(rowAt);
  rows.current = rowAt;

  /** A shift-click takes every loaded row between the last click and this one. */
  const toggle = useCallback((index: number, job: Job, isRange: boolean) => {
    const from = isRange && anchor.current !== null ? anchor.current : index;
    anchor.current = index;
    setIds((current) => {
      const next = new Set(current);
      const isOn = !current.has(job.id);
      for (let row = Math.min(from, index); row <= Math.max(from, index); row += 1) {
        const id = row === index ? job.id : rows.current(row)?.id;
        if (id === undefined || (isOn && next.size >= MAX_SELECTED)) continue;
        if (isOn) next.add(id);
        else next.delete(id);
      }
      return next;
    });
  }, []);

  const all = useMutation({
    mutationFn: () => firstMatching(search),
    onSuccess: (matching) => setIds(new Set(matching)),
    onError: (error) => toast("missed", sentenceOf(error)),
  });

  const clear = useCallback(() => setIds(new Set()), []);
  return {
    ids,
    count: ids.size,
    has: (id: string) => ids.has(id),
    toggle,
    clear,
    /** Selects what matches the filters, up to the most that a bulk call takes. */
    selectMatching: () => all.mutate(),
    isSelecting: all.isPending,
  };
}

async function firstMatching(search: ListSearch): Promise<string[]> {
  const ids: string[] = [];
  for (let page = 1; ids.length < MAX_SELECTED; page += 1) {
    const { data, pagination } = await request({
      url: api.jobs(listQuery(search, page, FETCH_LIMIT)),
      answer: JobPage,
    });
    ids.push(...data.map((job) => job.id));
    if (!pagination.hasNextPage) break;
  }
  return ids.slice(0, MAX_SELECTED);
}
