// Reading what others wrote: everything may be missing or of another kind. None of these ever throws.
export type Fields = Readonly<Record<string, unknown>>;

export function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A text that says something; numbers count as their digits. */
export function textOf(value: unknown): string | null {
  if (typeof value === "number" && Number.isFinite(value)) return String(value);
  return typeof value === "string" && value.trim() !== "" ? value.trim() : null;
}

/** A number, or a text that is one. */
export function numberOf(value: unknown): number | null {
  const text = textOf(value);
  const number = text === null ? NaN : Number(text);
  return Number.isFinite(number) ? number : null;
}

/** True for what YAML, JSON and SQLite call true. */
export function isTrue(value: unknown): boolean {
  return value === true || value === 1 || value === "true";
}

const UNIT_MS: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
};

/** Milliseconds of a duration as Go and Prometheus write it: `1m30s`, `500ms`. */
export function durationMs(value: unknown): number | null {
  const text = textOf(value);
  if (text === null || text.length > 50 || !/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h|d|w|y))+$/.test(text))
    return null;
  return [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d|w|y)/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (UNIT_MS[unit ?? ""] ?? 0),
    0,
  );
}

/** The text that a regular expression stands for when it has no other meaning; null for a real one. */
export function literalOf(pattern: unknown): string | null {
  const text = textOf(pattern)?.replace(/^\.\*|\.\*$/g, "");
  if (text === undefined || text === "" || /(?<!\\)[.*+?^${}()|[\]]|\\[A-Za-z0-9]|\\$/.test(text))
    return null;
  return text.replace(/\\(.)/g, "$1");
}

export function basicAuthorization(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

/** `server` and `name` as a target of a dns job: the server may carry a port, IPv6 then stands in brackets. */
export function dnsTarget(server: string | null, name: string): string {
  if (server === null) return name;
  const isBareIpv6 = /:.*:/.test(server) && !server.startsWith("[");
  return `dns://${isBareIpv6 ? `[${server}]` : server}/${name}`;
}

/** Statuses of the registry of HTTP; a job lists the ones it accepts. */
const REGISTERED_STATUSES = [
  100, 101, 102, 103, 200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 307,
  308, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422,
  423, 424, 425, 426, 428, 429, 431, 451, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511,
];

/** The registered statuses that are accepted; empty, which a job takes as 200 to 299, for exactly those. */
export function statusesThat(accept: (status: number) => boolean): number[] {
  const accepted = REGISTERED_STATUSES.filter(accept);
  const isSuccesses = REGISTERED_STATUSES.every(
    (status) => accept(status) === (status >= 200 && status < 300),
  );
  return isSuccesses ? [] : accepted;
}
