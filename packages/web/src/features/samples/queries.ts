import { SamplePage, Series, Summary } from "@nightbell/contract";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { request } from "../../api/request.js";
import { api } from "../../api/urls.js";
import { toSearch, type Window } from "./range.js";
import { readSeries } from "./series.js";

/** Rows of the samples table per load. */
const SAMPLES_LIMIT = 50;

/** `key` names the window for the cache: a preset that moves with time keeps its key. */
export const seriesQuery = (jobId: string, key: string, window: () => Window) =>
  queryOptions({
    queryKey: ["jobs", "one", jobId, "series", key],
    queryFn: async ({ signal }) => {
      const requestedAtMs = Date.now();
      const series = await request({ url: api.series(jobId, toSearch(window())), answer: Series, signal });
      return readSeries(series, requestedAtMs);
    },
    structuralSharing: false,
  });

export const summaryQuery = (jobId: string, key: string, window: () => Window) =>
  queryOptions({
    queryKey: ["jobs", "one", jobId, "summary", key],
    queryFn: ({ signal }) =>
      request({ url: api.summary(jobId, toSearch(window())), answer: Summary, signal }),
  });

export const samplesQuery = (jobId: string) =>
  infiniteQueryOptions({
    queryKey: ["jobs", "one", jobId, "samples"],
    queryFn: ({ pageParam, signal }) =>
      request({
        url: api.samples(jobId, {
          limit: SAMPLES_LIMIT,
          ...(pageParam === null ? {} : { cursor: pageParam }),
        }),
        answer: SamplePage,
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.pagination.nextCursor,
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnMount: "always",
  });
