import { NewPollerToken, PollerPage, type PollerTokenCreate, PollerTokenPage } from "@nightbell/contract";
import { infiniteQueryOptions } from "@tanstack/react-query";
import { request } from "../../api/request.js";
import { api } from "../../api/urls.js";

/** Pollers come and go within seconds, and their load is of the last seconds. */
const REFRESH_MS = 3_000;
const PAGE_SIZE = 100;
/** Their last use is known to within half a minute. */
const TOKENS_REFRESH_MS = 15_000;

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

/** Those a page shows at once are more than anybody has; the rest is a page away. */
export const pollerTokensQuery = infiniteQueryOptions({
  queryKey: ["poller-tokens"],
  queryFn: ({ pageParam, signal }) =>
    request({
      url: api.pollerTokens({ limit: PAGE_SIZE, ...(pageParam !== null && { cursor: pageParam }) }),
      answer: PollerTokenPage,
      signal,
    }),
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.pagination.nextCursor,
  refetchInterval: TOKENS_REFRESH_MS,
});

export function createPollerToken(body: PollerTokenCreate) {
  return request({ method: "POST", url: api.pollerTokens(), body, answer: NewPollerToken });
}

export function revokePollerToken(id: string) {
  return request({ method: "DELETE", url: api.pollerToken(id) });
}
