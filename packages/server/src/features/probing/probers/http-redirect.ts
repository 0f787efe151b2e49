// Where a redirect leads and what is sent there (RFC 9110, 15.4). Pure.
import { parseTarget } from "@nightbell/contract";
import type { Failure } from "../outcome.js";
import type { HttpRequest } from "./http-exchange.js";
import { REDIRECT_STATUSES } from "./http-terms.js";

/** What another origin is told too. Any other header may be a secret of the first: keys come under many names. */
const KEPT_ACROSS_ORIGINS = new Set([
  "accept",
  "accept-encoding",
  "accept-language",
  "content-type",
  "user-agent",
]);

export type Redirect = { to: HttpRequest } | { failure: Failure };

/**
 * The next request after an answer; null when the answer is no redirect (a status alone, without a Location, is none).
 * 303 turns everything but HEAD into GET, 301 and 302 turn POST into GET; 307 and 308 repeat the request as it was.
 * From https to http is allowed: a visitor is led there too. The new hop's host meets the address rules like the first.
 *
 * A body is for the origin it was written for: a redirect that would repeat it elsewhere is a failure, where curl and
 * fetch send it on. Without it the request would be another one, and its answer would say nothing about the target.
 */
export function redirectOf(
  request: HttpRequest,
  answer: { status: number; headers: ReadonlyMap<string, string> },
): Redirect | null {
  const location = answer.headers.get("location");
  if (!REDIRECT_STATUSES.includes(answer.status) || location === undefined) return null;
  const url = URL.canParse(location, request.url.href) ? new URL(location, request.url) : null;
  if (url === null || !parseTarget("http", url.href).ok) {
    return refuse(request, location, "which is no address to follow");
  }
  const becomesGet =
    (answer.status === 303 && request.method !== "HEAD") ||
    (answer.status <= 302 && request.method === "POST");
  const isSameOrigin = url.origin === request.url.origin;
  if (!isSameOrigin && !becomesGet && request.body !== null) {
    return refuse(request, location, "another origin, to which the body is not sent; make that the target");
  }
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter(
      ([name]) =>
        (isSameOrigin || KEPT_ACROSS_ORIGINS.has(name)) && !(becomesGet && name.startsWith("content-")),
    ),
  );
  return {
    to: {
      url,
      headers,
      method: becomesGet ? "GET" : request.method,
      body: becomesGet ? null : request.body,
    },
  };
}

function refuse(request: HttpRequest, location: string, reason: string): Redirect {
  const error = `${request.url.href} redirects to ${location.slice(0, 200)}, ${reason}`;
  return { failure: { code: "http_redirect_invalid", error } };
}
