import type { JobRecent } from "@nightbell/contract";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { fetchRecent } from "../queries.js";
import { useSettled } from "./useJobWindow.js";

/** Sparklines of the rows in view move on this often. */
const REFRESH_MS = 3_000;
/** The API takes at most 100 ids a call; a screen holds far fewer. */
const MAX_IDS = 100;
/** Sparklines kept for rows that left the view, so that scrolling back shows them at once. */
const MAX_KEPT = 400;

const NOTHING: ReadonlyMap<string, JobRecent> = new Map();

/** The last samples of the jobs in view, by job id. */
export function useRecent(ids: readonly string[]): ReadonlyMap<string, JobRecent> {
  const wanted = useSettled(ids.slice(0, MAX_IDS).join(","));
  const kept = useRef(NOTHING);
  const { data } = useQuery<ReadonlyMap<string, JobRecent>>({
    queryKey: ["jobs", "recent", wanted],
    enabled: wanted !== "",
    gcTime: 0,
    refetchInterval: REFRESH_MS,
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => {
      const { data } = await fetchRecent(wanted.split(","), signal);
      kept.current = withFresh(kept.current, data);
      return kept.current;
    },
  });
  return data ?? NOTHING;
}

/** Adds the fresh ones and drops those that were not refreshed for the longest time. */
function withFresh(kept: ReadonlyMap<string, JobRecent>, fresh: readonly JobRecent[]) {
  const next = new Map(kept);
  for (const recent of fresh) {
    next.delete(recent.jobId);
    next.set(recent.jobId, recent);
  }
  for (const id of [...next.keys()].slice(0, Math.max(0, next.size - MAX_KEPT))) next.delete(id);
  return next as ReadonlyMap<string, JobRecent>;
}
