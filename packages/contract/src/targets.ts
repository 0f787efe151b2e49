import { z } from "zod";
import type { JobType } from "./probes.js";

/**
 * What a target is, per type, and how it is read:
 * icmp `host`; tcp `host:port` or `tcp://host:port`; http `http(s)://…`; tls `host[:443]` or `tls://host[:443]`;
 * dns `name`, `dns://name` or `dns://server[:53]/name`; latency_api `host`.
 * A host is a name (internationalised names become their ASCII form) or an IPv4 or bracketed-or-bare IPv6 address.
 */
export type Target =
  | { type: "icmp" | "latency_api"; host: string }
  | { type: "tcp" | "tls"; host: string; port: number }
  | { type: "http"; url: string }
  | { type: "dns"; name: string; server: string | null; port: number };

export type TargetResult = { ok: true; target: Target } | { ok: false; message: string };

const MAX_TARGET_LENGTH = 2_000;

/** Reads a target as a person typed it. Never throws; `message` says what is wrong and what would be right. */
export function parseTarget(type: JobType, text: string): TargetResult {
  const trimmed = text.trim();
  if (trimmed === "") return wrong("must not be empty");
  if (trimmed.length > MAX_TARGET_LENGTH) return wrong(`must have at most ${MAX_TARGET_LENGTH} characters`);
  switch (type) {
    case "icmp":
    case "latency_api":
      return withHost(stripScheme(trimmed, type === "icmp" ? "icmp:" : "latency-api:"), (host) => ({
        type,
        host,
      }));
    case "tcp":
      return hostAndPort(type, stripScheme(trimmed, "tcp:"), null);
    case "tls":
      return hostAndPort(type, stripScheme(trimmed, "tls:"), 443);
    case "http":
      return httpTarget(trimmed);
    case "dns":
      return dnsTarget(trimmed);
  }
}

/** A host in its canonical form: ASCII name in lower case or a numeric address without brackets; null when it is neither. */
export function canonicalHost(text: string): string | null {
  const bare = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  if (bare.includes(":")) return isIpv6(bare) ? bare.toLowerCase() : null;
  if (/[\s/\\?#@%<>^|[\]`;&$"'(){}*!,=+~]/.test(bare) || bare.startsWith("-")) return null;
  const ascii = asciiName(bare);
  if (ascii === null) return null;
  const isNumeric = /^[\d.]+$/.test(bare);
  if (isNumeric) return isIpv4(bare) ? bare : null;
  const name = ascii.endsWith(".") ? ascii.slice(0, -1) : ascii;
  if (name === "" || name.length > 253) return null;
  return name.split(".").every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label))
    ? name
    : null;
}

export function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

export function isIpv6(text: string): boolean {
  const [address = ""] = text.split("%");
  return /^[0-9a-fA-F:.]+$/.test(address) && urlHost(`http://[${address}]/`) !== null && zoneIsPlain(text);
}

/** Says what the target of a job must look like, for forms and error messages. */
export const targetHints: Record<JobType, { label: string; example: string }> = {
  icmp: { label: "Host or address", example: "192.0.2.10" },
  tcp: { label: "Host and port", example: "db.example.org:5432" },
  http: { label: "URL", example: "https://example.org/health" },
  dns: { label: "Name, or dns://server/name", example: "dns://192.0.2.53/example.org" },
  tls: { label: "Host and port", example: "example.org:443" },
  latency_api: { label: "Host or address", example: "192.0.2.10" },
};

/** The schema of `target` for a type; the parsed value is the trimmed text. */
export function targetSchema(type: JobType) {
  return z.string().superRefine((text, context) => {
    const result = parseTarget(type, text);
    if (!result.ok) context.addIssue({ code: "custom", message: result.message });
  });
}

const HOST_HINT = "must be a host name or an IP address";

function withHost(text: string, build: (host: string) => Target): TargetResult {
  const host = canonicalHost(text);
  return host === null ? wrong(HOST_HINT) : { ok: true, target: build(host) };
}

function hostAndPort(type: "tcp" | "tls", text: string, defaultPort: number | null): TargetResult {
  const match = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(text);
  if (match === null && isIpv6(text))
    return wrong("an IPv6 address with a port needs brackets: [2001:db8::1]:443");
  const host = canonicalHost(match?.[1] ?? "");
  if (match === null || host === null) return wrong(`${HOST_HINT} and a port, such as example.org:443`);
  const port = match[2] === undefined ? defaultPort : Number(match[2]);
  if (port === null) return wrong("needs a port, such as example.org:5432");
  if (port < 1 || port > 65_535) return wrong("the port must be between 1 and 65535");
  return { ok: true, target: { type, host, port } };
}

function httpTarget(text: string): TargetResult {
  if (!/^https?:\/\//i.test(text)) return wrong("must start with http:// or https://");
  const url = parseUrl(text);
  if (url === null) return wrong("must be a URL such as https://example.org/health");
  if (url.username !== "" || url.password !== "")
    return wrong("must not contain a user name or password; use an Authorization header");
  if (canonicalHost(url.hostname) === null) return wrong(`the host of the URL ${HOST_HINT}`);
  return { ok: true, target: { type: "http", url: url.href } };
}

function dnsTarget(text: string): TargetResult {
  if (!/^dns:\/\//i.test(text)) return dnsName(text, null, 53);
  const [authority = "", ...rest] = text.slice("dns://".length).split("/");
  if (rest.length === 0 || (rest.length === 1 && rest[0] === "")) return dnsName(authority, null, 53);
  const server = hostAndPort(
    "tcp",
    authority.includes(":") && isIpv6(authority) ? `[${authority}]` : authority,
    0,
  );
  const explicit = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(authority);
  if (server.ok && server.target.type === "tcp")
    return dnsName(rest.join("/"), server.target.host, server.target.port);
  const host = canonicalHost(explicit?.[1] ?? authority);
  if (host === null || explicit?.[2] !== undefined)
    return wrong("the DNS server must be a host or address, with an optional port");
  return dnsName(rest.join("/"), host, 53);
}

function dnsName(text: string, server: string | null, port: number): TargetResult {
  if (text === ".") return { ok: true, target: { type: "dns", name: ".", server, port } };
  const name = canonicalHost(text);
  return name === null
    ? wrong("must be a DNS name such as example.org")
    : { ok: true, target: { type: "dns", name, server, port } };
}

function stripScheme(text: string, scheme: string): string {
  return text.toLowerCase().startsWith(`${scheme}//`)
    ? text.slice(scheme.length + 2).replace(/\/$/, "")
    : text;
}

function asciiName(text: string): string | null {
  return /^[\x21-\x7e]*$/.test(text) ? text.toLowerCase() : urlHost(`http://${text}/`);
}

function zoneIsPlain(text: string): boolean {
  const [, ...zone] = text.split("%");
  return zone.length === 0 || (zone.length === 1 && /^[0-9A-Za-z_.-]{1,15}$/.test(zone[0] ?? ""));
}

function urlHost(text: string): string | null {
  return parseUrl(text)?.hostname ?? null;
}

interface ParsedUrl {
  href: string;
  hostname: string;
  username: string;
  password: string;
}

// The URL class exists in browsers and Node alike, but not in the language's own library types.
declare const URL: { parse?(text: string): ParsedUrl | null; new (text: string): ParsedUrl };

function parseUrl(text: string): ParsedUrl | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

function wrong(message: string): TargetResult {
  return { ok: false, message };
}
