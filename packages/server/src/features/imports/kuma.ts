// Uptime Kuma's backup (JSON): its monitors as jobs.
import {
  basicAuthorization,
  dnsTarget,
  type Fields,
  fieldsOf,
  isFields,
  isTrue,
  listOf,
  numberOf,
  statusesThat,
  textOf,
} from "./reading.js";
import { type Mapped, Mapping } from "./mapping.js";

const DEFAULT_INTERVAL_SECONDS = 60;
const DEFAULT_REDIRECTS = 10;
const MAX_REDIRECTS = 20;

/** `backup` is the parsed file. Never throws. */
export function mapKuma(backup: unknown): Mapped {
  const mapping = new Mapping();
  const { monitorList, notificationList, proxyList } = fieldsOf(backup);
  if (!Array.isArray(monitorList)) {
    mapping.skip("monitorList", "is missing: this is not a backup of Uptime Kuma");
    return mapping;
  }
  for (const [name, list] of Object.entries({ notificationList, proxyList })) {
    if (listOf(list).length > 0) mapping.skip(name, "has no counterpart here");
  }
  for (const [index, monitor] of monitorList.entries()) {
    const path = `monitorList.${index}`;
    if (isFields(monitor)) mapMonitor(mapping, path, monitor);
    else mapping.skip(path, "is not a monitor");
  }
  return mapping;
}

function mapMonitor(mapping: Mapping, path: string, monitor: Fields): void {
  const type = textOf(monitor["type"]) ?? "of no type";
  const reason = whyLeft(type, monitor);
  if (reason !== null) return mapping.skip(path, reason);
  const probe = probeOf(mapping, path, type, monitor);
  if (probe === null) return;
  if ((numberOf(monitor["maxretries"]) ?? 0) > 0) {
    mapping.skip(
      `${path}.maxretries`,
      "every try is a sample here; how many failures matter is for alert rules",
    );
  }
  if (isTrue(monitor["expiryNotification"])) {
    mapping.skip(`${path}.expiryNotification`, "add a job of type tls with minDaysLeft for the certificate");
  }
  if (listOf(monitor["tags"]).length > 0) mapping.skip(`${path}.tags`, "jobs have no tags");
  const timeoutSeconds = numberOf(monitor["timeout"]) ?? 0;
  mapping.add(path, {
    keyParts: ["kuma", textOf(monitor["id"]) ?? textOf(monitor["name"]) ?? probe.target],
    title: textOf(monitor["name"]) ?? probe.target,
    cadenceSeconds: numberOf(monitor["interval"]) ?? DEFAULT_INTERVAL_SECONDS,
    ...probe,
    options: {
      ...(timeoutSeconds > 0 && { timeoutMs: Math.round(timeoutSeconds * 1_000) }),
      ...probe.options,
    },
  });
}

/** Why a monitor cannot be taken over as what it is; null when it can. */
function whyLeft(type: string, monitor: Fields): string | null {
  if (type === "group") return "is a group; its monitors are taken over without it";
  if (!["http", "keyword", "json-query", "ping", "port", "dns"].includes(type))
    return `there is no probe for monitors of type ${type}`;
  if ("active" in monitor && !isTrue(monitor["active"]))
    return "is paused there, and a job would start at once";
  if (isTrue(monitor["upsideDown"])) return "is upside down: it wants the target to fail, which no job does";
  if (numberOf(monitor["proxyId"]) !== null) return "goes through a proxy, which no probe does";
  return null;
}

interface Probe {
  readonly type: string;
  readonly target: string;
  readonly options: Record<string, unknown>;
}

function probeOf(mapping: Mapping, path: string, type: string, monitor: Fields): Probe | null {
  const host = textOf(monitor["hostname"]);
  if (type === "ping" || type === "port" || type === "dns") {
    if (host === null) {
      mapping.skip(`${path}.hostname`, "is missing");
      return null;
    }
    if (type === "ping") {
      const payloadBytes = numberOf(monitor["packetSize"]);
      return { type: "icmp", target: host, options: payloadBytes === null ? {} : { payloadBytes } };
    }
    const port = numberOf(monitor["port"]);
    if (type === "port") return { type: "tcp", target: `${bracketed(host)}:${port ?? ""}`, options: {} };
    const [server = null, ...others] = (textOf(monitor["dns_resolve_server"]) ?? "")
      .split(",")
      .map((name) => textOf(name));
    if (others.length > 0) mapping.skip(`${path}.dns_resolve_server`, "only the first server is asked");
    const withPort =
      server === null || port === null || port === 53 ? server : `${bracketed(server)}:${port}`;
    const recordType = textOf(monitor["dns_resolve_type"]) ?? "A";
    return { type: "dns", target: dnsTarget(withPort, host), options: { recordType } };
  }
  return httpProbe(mapping, path, type, monitor);
}

function httpProbe(mapping: Mapping, path: string, type: string, monitor: Fields): Probe | null {
  const url = textOf(monitor["url"]);
  if (url === null) {
    mapping.skip(`${path}.url`, "is missing");
    return null;
  }
  const headers = headersOf(mapping, path, monitor);
  if (headers === null) return null;
  const assertion = assertionOf(mapping, path, type, monitor);
  if (assertion === "unreadable") return null;
  const redirects = numberOf(monitor["maxredirects"]) ?? DEFAULT_REDIRECTS;
  return {
    type: "http",
    target: url,
    options: {
      method: (textOf(monitor["method"]) ?? "GET").toUpperCase(),
      headers,
      body: textOf(monitor["body"]),
      expectedStatuses: statusesOf(mapping, path, monitor),
      assertions: assertion === null ? [] : [assertion],
      maxRedirects: Math.min(Math.max(0, Math.trunc(redirects)), MAX_REDIRECTS),
      verifyTls: !isTrue(monitor["ignoreTls"]),
    },
  };
}

/** Null when the monitor logs in in a way that no job does. */
function headersOf(mapping: Mapping, path: string, monitor: Fields): Record<string, string> | null {
  const written = parseJson(textOf(monitor["headers"]) ?? "{}");
  if (!isFields(written)) mapping.skip(`${path}.headers`, "is not a JSON object");
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(fieldsOf(written))) {
    const text = textOf(value);
    if (text === null) mapping.skip(`${path}.headers.${name}`, "is not a text");
    else headers.set(name, text);
  }
  const has = (name: string) => [...headers.keys()].some((known) => known.toLowerCase() === name);
  const method = textOf(monitor["authMethod"]);
  const user = textOf(monitor["basic_auth_user"]);
  if (method !== null && method !== "basic") {
    mapping.skip(`${path}.authMethod`, `there is no log-in by ${method}`);
    return null;
  }
  if (user !== null && !has("authorization")) {
    headers.set("Authorization", basicAuthorization(user, textOf(monitor["basic_auth_pass"]) ?? ""));
  }
  const body = textOf(monitor["body"]);
  const encoding = textOf(monitor["httpBodyEncoding"]) ?? "json";
  const contentType = {
    json: "application/json",
    xml: "text/xml",
    form: "application/x-www-form-urlencoded",
  }[encoding];
  if (body !== null && contentType !== undefined && !has("content-type"))
    headers.set("Content-Type", contentType);
  return Object.fromEntries(headers);
}

/** `unreadable` when the job would not check what the monitor checks. */
function assertionOf(
  mapping: Mapping,
  path: string,
  type: string,
  monitor: Fields,
): object | "unreadable" | null {
  if (type === "http") return null;
  if (type === "keyword") {
    const contains = textOf(monitor["keyword"]);
    if (contains !== null) return { kind: isTrue(monitor["invertKeyword"]) ? "bodyNot" : "body", contains };
    mapping.skip(`${path}.keyword`, "is missing");
    return "unreadable";
  }
  const expression = (textOf(monitor["jsonPath"]) ?? "").replace(/^\$\.?/, "");
  const operator = textOf(monitor["jsonPathOperator"]) ?? "==";
  if (!/^[\w-]+(?:\.[\w-]+|\[\d+\])*$/.test(expression) || operator !== "==") {
    mapping.skip(`${path}.jsonPath`, "is more than a path to a value that must be equal");
    return "unreadable";
  }
  const expected = textOf(monitor["expectedValue"]) ?? "";
  return { kind: "json", path: expression.replace(/\[(\d+)\]/g, ".$1"), equals: scalarOf(expected) };
}

/** What stands for a number, true, false or null in JSON is that; everything else is text. */
function scalarOf(text: string): string | number | boolean | null {
  const value = parseJson(text);
  return value === null || typeof value === "number" || typeof value === "boolean" ? value : text;
}

function statusesOf(mapping: Mapping, path: string, monitor: Fields): number[] {
  const ranges = listOf(monitor["accepted_statuscodes"]).flatMap((code, index) => {
    const [, from, to = from] = /^(\d{3})(?:-(\d{3}))?$/.exec(textOf(code) ?? "") ?? [];
    if (from !== undefined) return [{ from: Number(from), to: Number(to) }];
    mapping.skip(`${path}.accepted_statuscodes.${index}`, "is not a status, and not a range of them");
    return [];
  });
  return ranges.length === 0
    ? []
    : statusesThat((status) => ranges.some(({ from, to }) => status >= from && status <= to));
}

function bracketed(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}

/** Undefined for what is not JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
