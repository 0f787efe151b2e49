// The addresses of the API, and the query strings of the app's own pages. Nothing else builds a URL.
import type { AlertListQuery, JobListQuery, SamplesQuery, SeriesQuery } from "@nightbell/contract";

type Query = Record<string, string | number | undefined>;

const withId = (path: string, id: string, ...more: string[]) =>
  [path, encodeURIComponent(id), ...more].join("/");
const job = (id: string, ...more: string[]) => withId("/api/jobs", id, ...more);

export const api = {
  readiness: () => "/api/health?mode=readiness",
  setup: () => "/api/setup",
  register: () => "/api/auth/register",
  login: () => "/api/auth/login",
  logout: () => "/api/auth/logout",
  profile: () => "/api/profile",
  password: () => "/api/profile/password",
  keys: (query: Query = {}) => withQuery("/api/keys", query),
  key: (id: string) => withId("/api/keys", id),
  sessions: (query: Query = {}) => withQuery("/api/sessions", query),
  session: (id: string) => withId("/api/sessions", id),
  jobs: (query: JobListQuery = {}) => withQuery("/api/jobs", query as Query),
  job: (id: string) => job(id),
  jobAction: (id: string, action: "pause" | "resume" | "cancel") => job(id, action),
  jobMails: (id: string) => job(id, "mails"),
  jobParent: (id: string) => job(id, "parent"),
  heartbeat: (id: string) => job(id, "heartbeat"),
  heartbeatToken: (id: string) => job(id, "heartbeat-token"),
  jobsBulk: () => "/api/jobs/bulk",
  jobsRecent: (ids: readonly string[]) => withQuery("/api/jobs/recent", { ids: ids.join(",") }),
  samples: (id: string, query: SamplesQuery = {}) => withQuery(job(id, "samples"), query as Query),
  series: (id: string, query: SeriesQuery) => withQuery(job(id, "series"), query as Query),
  summary: (id: string, query: { from?: string; to?: string }) => withQuery(job(id, "summary"), query),
  alerts: (query: AlertListQuery = {}) => withQuery("/api/alerts", query as Query),
  alert: (id: string) => withId("/api/alerts", id),
  rules: (query: Query = {}) => withQuery("/api/alert-rules", query),
  rule: (id: string) => withId("/api/alert-rules", id),
  ruleDryRun: () => "/api/alert-rules/dry-run",
  maintenance: (query: Query = {}) => withQuery("/api/maintenance-windows", query),
  maintenanceWindow: (id: string) => withId("/api/maintenance-windows", id),
  probeTest: () => "/api/probes/test",
  pollers: (query: { cursor?: string; limit: number }) => withQuery("/api/pollers", query),
  pollerTokens: (query: Query = {}) => withQuery("/api/poller-tokens", query),
  pollerToken: (id: string) => withId("/api/poller-tokens", id),
  stream: (topics: readonly string[]) => withQuery("/api/stream", { topics: topics.join(",") }),
};

/** Leaves out what is undefined. Commas and colons stay readable, as RFC 3986 allows them in a query. */
export function withQuery(path: string, query: Query): string {
  const text = Object.entries(query)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${encode(name)}=${encode(String(value))}`)
    .join("&");
  return text === "" ? path : `${path}?${text}`;
}

function encode(text: string): string {
  return encodeURIComponent(text).replaceAll("%2C", ",").replaceAll("%3A", ":");
}

/** Search parameters of the app's pages are plain text, so that an address can be read and typed by hand. */
export function parseSearch(text: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(text));
}

export function stringifySearch(search: Record<string, unknown>): string {
  const query: Query = {};
  for (const [name, value] of Object.entries(search)) {
    if (typeof value === "string" || typeof value === "number") query[name] = value;
  }
  return withQuery("", query);
}

/** A path of this app to return to after logging in; anything else (another origin, the log-in itself) is dropped. */
export function safeReturnPath(path: string | undefined): string {
  if (path === undefined || !/^\/(?![/\\])/.test(path)) return "/jobs";
  return /^\/(login|signup)\b/.test(path) ? "/jobs" : path;
}
