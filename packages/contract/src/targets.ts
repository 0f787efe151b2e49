import { z } from "zod";
import { canonicalHost, canonicalName, isIpv6, parseUrl } from "./hosts.js";
import type { JobType } from "./probes.js";

/**
 * What a target is, per type, and how it is read:
 * icmp `host`; tcp `host:port` or `tcp://host:port`; udp `host:port` or `udp://host:port`; http `http(s)://…`;
 * websocket `ws(s)://…`; tls `host[:443]` or `tls://host[:443]`; dns `name`, `dns://name` or `dns://server[:53]/name`;
 * latency_api `host`; heartbeat the name of whoever calls, for people to read.
 * A host is a name (internationalised names become their ASCII form) or an IPv4 or IPv6 address; an IPv6 address
 * with a port stands in brackets. Zone ids are refused: only link-local addresses have them, which no probe may reach.
 */
export type Target =
  | { type: "icmp"; host: string }
  | { type: "tcp"; host: string; port: number }
  | { type: "udp"; host: string; port: number }
  | { type: "http"; url: string }
  | { type: "websocket"; url: string }
  | { type: "dns"; name: string; server: string | null; port: number }
  | { type: "tls"; host: string; port: number }
  | { type: "latency_api"; host: string }
  | { type: "heartbeat"; name: string };

export type TargetResult = { ok: true; target: Target } | { ok: false; message: string };

/** Reads a target as a person typed it. Never throws; `message` says what is wrong and what would be right. */
export function parseTarget(type: JobType, text: string): TargetResult {
  try {
    return { ok: true, target: readTarget(type, text.trim()) };
  } catch (error) {
    if (error instanceof InvalidTarget) return { ok: false, message: error.message };
    throw error;
  }
}

/** Says what the target of a job must look like, for forms and error messages. */
export const targetHints: Record<JobType, { label: string; example: string }> = {
  icmp: { label: "Host or address", example: "192.0.2.10" },
  tcp: { label: "Host and port", example: "db.example.org:5432" },
  udp: { label: "Host and port", example: "192.0.2.10:514" },
  http: { label: "URL", example: "https://example.org/health" },
  websocket: { label: "URL", example: "wss://example.org/live" },
  dns: { label: "Name, or dns://server/name", example: "dns://192.0.2.53/example.org" },
  tls: { label: "Host and port", example: "example.org:443" },
  latency_api: { label: "Host or address", example: "192.0.2.10" },
  heartbeat: { label: "Name of what reports in", example: "backup@db1" },
};

/** The schema of `target` for a type; the parsed value is the text as it was. */
export function targetSchema(type: JobType) {
  return z.string().superRefine((text, context) => {
    const result = parseTarget(type, text);
    if (!result.ok) context.addIssue({ code: "custom", message: result.message });
  });
}

const MAX_TARGET_LENGTH = 2_000;
const HOST_HINT = "must be a host name or an IP address";
const DNS_PORT = 53;
const HTTPS_PORT = 443;

/** Why a text is not a target; never leaves this file. */
class InvalidTarget extends Error {}

function readTarget(type: JobType, text: string): Target {
  if (text === "") throw new InvalidTarget("must not be empty");
  if (text.length > MAX_TARGET_LENGTH)
    throw new InvalidTarget(`must have at most ${MAX_TARGET_LENGTH} characters`);
  switch (type) {
    case "icmp":
      return { type, host: readHost(withoutScheme(text, "icmp")) };
    case "latency_api":
      return { type, host: readHost(text) };
    case "heartbeat":
      return { type, name: text };
    case "tcp":
    case "udp":
      return { type, ...readAuthority(withoutScheme(text, type), null) };
    case "tls":
      return { type, ...readAuthority(withoutScheme(text, "tls"), HTTPS_PORT) };
    case "http":
      return { type, url: readUrl(text, "http", "https://example.org/health") };
    case "websocket":
      if (text.includes("#")) throw new InvalidTarget("must not contain a fragment, the part after #");
      return { type, url: readUrl(text, "ws", "wss://example.org/live") };
    case "dns":
      return { type, ...readDnsQuestion(text) };
  }
}

function readHost(text: string): string {
  const host = canonicalHost(text);
  if (host === null) throw new InvalidTarget(HOST_HINT);
  return host;
}

/** `host:port`, or only `host` where there is a default port. */
function readAuthority(text: string, defaultPort: number | null): { host: string; port: number } {
  if (isIpv6(text)) {
    if (defaultPort !== null) return { host: readHost(text), port: defaultPort };
    throw new InvalidTarget("an IPv6 address with a port needs brackets: [2001:db8::1]:443");
  }
  const [, hostText = "", portText] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = canonicalHost(hostText);
  if (host === null) throw new InvalidTarget(`${HOST_HINT} with a port, such as example.org:443`);
  if (portText === undefined && defaultPort === null)
    throw new InvalidTarget("needs a port, such as example.org:5432");
  const port = portText === undefined ? Number(defaultPort) : Number(portText);
  if (port < 1 || port > 65_535) throw new InvalidTarget("the port must be between 1 and 65535");
  return { host, port };
}

/** A URL of the scheme, or of its secure form with an s at the end. */
function readUrl(text: string, scheme: "http" | "ws", example: string): string {
  const start = text.toLowerCase();
  if (!start.startsWith(`${scheme}://`) && !start.startsWith(`${scheme}s://`))
    throw new InvalidTarget(`must start with ${scheme}:// or ${scheme}s://`);
  const url = parseUrl(text);
  if (url === null) throw new InvalidTarget(`must be a URL such as ${example}`);
  if (url.username !== "" || url.password !== "")
    throw new InvalidTarget("must not contain a user name or password; use an Authorization header");
  if (canonicalHost(url.hostname) === null) throw new InvalidTarget(`the host of the URL ${HOST_HINT}`);
  if (url.port === "0") throw new InvalidTarget("the port must be between 1 and 65535");
  return url.href;
}

function readDnsQuestion(text: string): { name: string; server: string | null; port: number } {
  const [, first = text, name = ""] = /^dns:\/\/([^/]*)\/?(.*)$/i.exec(text) ?? [];
  if (name === "") return { name: readDnsName(first), server: null, port: DNS_PORT };
  const { host, port } = readAuthority(first, DNS_PORT);
  return { name: readDnsName(name), server: host, port };
}

function readDnsName(text: string): string {
  const name = text === "." ? text : canonicalName(text);
  if (name === null) throw new InvalidTarget("must be a DNS name such as example.org");
  return name;
}

function withoutScheme(text: string, scheme: string): string {
  return text.toLowerCase().startsWith(`${scheme}://`)
    ? text.slice(scheme.length + 3).replace(/\/$/, "")
    : text;
}
