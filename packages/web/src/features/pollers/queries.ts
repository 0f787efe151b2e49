import { PollerPage } from "@nightbell/contract";
import { infiniteQueryOptions } from "@tanstack/react-query";
import { request } from "../../api/request.js";
import { api } from "../../api/urls.js";

/** Pollers come and go within seconds, and their load is of the last seconds. */
const REFRESH_MS = 3_000;
const PAGE_SIZE = 100;

export const pollersQuery = infiniteQueryOptions({
  queryKey: ["pollers"],
  queryFn: ({ pageParam, signal }) =>
    request({
      url: api.pollers({ limit: PAGE_SIZE, ...(pageParam !== null && { cursor: pageParam }) }),
      answer: PollerPage,
      signal,
    }),
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.pagination.nextCursor,
  refetchInterval: REFRESH_MS,
});
