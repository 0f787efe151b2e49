import { SamplePage, Series, Summary, type Sample } from "@nightbell/contract";
import { infiniteQueryOptions, queryOptions, type InfiniteData } from "@tanstack/react-query";
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

/** Puts live samples, oldest first as they come, on top of the newest-first pages; each only once. */
export function withLive<Param>(
  pages: InfiniteData<SamplePage, Param>,
  samples: readonly Sample[],
): InfiniteData<SamplePage, Param> {
  const [first, ...rest] = pages.pages;
  if (first === undefined) return pages;
  const known = new Set(first.data.map(keyOf));
  const fresh = samples.filter((sample) => !known.has(keyOf(sample))).toReversed();
  if (fresh.length === 0) return pages;
  return { ...pages, pages: [{ ...first, data: [...fresh, ...first.data] }, ...rest] };
}

export function keyOf(sample: Sample): string {
  return `${sample.scheduledAt} ${sample.location}`;
}
