/**
 * From a host to the one numeric address a probe connects to. The address that was checked is the address that is used:
 * nobody resolves the name a second time, so an answer that changes in between (DNS rebinding) reaches nothing.
 */
import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { isIP } from "node:net";
import { addressDenial, withoutMapping } from "./address-rules.js";
import type { Failure } from "./outcome.js";
import { createSystemNames, type SystemNames } from "./system-names.js";

export type AddressFamily = "auto" | "ipv4" | "ipv6";

export interface ResolvedAddress {
  address: string;
  family: 4 | 6;
}

export type Resolution = ({ ok: true } & ResolvedAddress) | ({ ok: false } & Failure);

export interface ResolveOptions {
  timeoutMs: number;
  signal: AbortSignal;
  /** DNS servers as `address` or `address:port`; the system's when absent. */
  servers?: readonly string[] | undefined;
  names?: SystemNames | undefined;
}

/** How long a known IPv4 address waits for the answer about IPv6, which broken servers never give. */
const IPV6_GRACE_MS = 250;
/** First wait for one server; further tries wait longer and ask the next server. */
const SERVER_TIMEOUT_MS = 1_500;
const TRIES = 3;
/** Any port does, nothing is sent. */
const DISCARD_PORT = 9;

const systemNames = createSystemNames();

/**
 * Resolves a canonical host name or takes a numeric address, and applies the address rules. Names are looked up in the
 * hosts file, then by DNS (with the search list), never by getaddrinfo: its thread pool can be filled by hanging
 * look-ups and cannot be cancelled. Other sources of names (mDNS, NIS) are not asked.
 * Never throws; ends at `timeoutMs` (`resolver`) or when the signal aborts (`cancelled`).
 */
export async function resolveHost(
  host: string,
  family: AddressFamily,
  options: ResolveOptions,
): Promise<Resolution> {
  return resolveLocally(host, family, options.names) ?? lookUp(host, family, options);
}

/** The part of it that needs no network and no wait; undefined for a name that DNS must be asked for. */
export function resolveLocally(
  host: string,
  family: AddressFamily,
  names: SystemNames = systemNames,
): Resolution | undefined {
  if (isIP(host) !== 0) return checked(withoutMapping(host), family);
  const known = names.hostAddresses(host).find((address) => fits(address, family));
  return known === undefined ? undefined : checked(withoutMapping(known), family);
}

/** Asks the system's DNS servers under one deadline. */
async function lookUp(host: string, family: AddressFamily, options: ResolveOptions): Promise<Resolution> {
  if (options.signal.aborted) return cancelled;
  const resolver = new Resolver({ timeout: SERVER_TIMEOUT_MS, tries: TRIES });
  if (options.servers !== undefined) resolver.setServers([...options.servers]);
  const cancel = () => resolver.cancel();
  const timer = setTimeout(cancel, options.timeoutMs);
  options.signal.addEventListener("abort", cancel, { once: true });
  try {
    let result: Resolution = notFound(host);
    for (const name of (options.names ?? systemNames).searchNames(host)) {
      result = await lookUpName(resolver, name, host, family);
      if (options.signal.aborted) return cancelled;
      if (result.ok || result.code !== "name_not_found") break;
    }
    return result;
  } finally {
    clearTimeout(timer);
    options.signal.removeEventListener("abort", cancel);
    resolver.cancel();
  }
}

async function lookUpName(
  resolver: Resolver,
  name: string,
  host: string,
  family: AddressFamily,
): Promise<Resolution> {
  const ipv6 = family === "ipv4" ? undefined : answer(resolver.resolve6(name));
  const ipv4 = family === "ipv6" ? undefined : answer(resolver.resolve4(name));
  const four = await ipv4;
  const six = await (four !== undefined && "address" in four && ipv6 ? withinGrace(ipv6) : ipv6);
  const found = [six, four].filter((each) => each !== undefined && "address" in each);
  const [preferred, fallback] = found;
  if (preferred !== undefined && (fallback === undefined || (await hasRoute(preferred.address))))
    return checked(preferred.address, family);
  if (fallback !== undefined) return checked(fallback.address, family);
  const errors = [six, four].flatMap((each) => (each !== undefined && "error" in each ? [each.error] : []));
  return failure(errors, resolver, host, family);
}

type Answer = { address: string } | { error: string };

/** The first address as the server ordered them, so that its rotation is measured too. */
async function answer(query: Promise<string[]>): Promise<Answer> {
  try {
    const [address] = await query;
    return address === undefined ? { error: "ENODATA" } : { address };
  } catch (error) {
    return { error: (error as NodeJS.ErrnoException).code ?? "EUNKNOWN" };
  }
}

async function withinGrace(ipv6: Promise<Answer>): Promise<Answer | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const grace = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, IPV6_GRACE_MS, undefined);
  });
  const first = await Promise.race([ipv6, grace]);
  clearTimeout(timer);
  return first;
}

/** Whether the kernel would know a way there: connecting a UDP socket sends nothing. */
function hasRoute(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket("udp6");
    const end = (routed: boolean) => {
      socket.close();
      resolve(routed);
    };
    socket.once("error", () => end(false));
    socket.once("connect", () => end(true));
    socket.connect(DISCARD_PORT, address);
  });
}

/** The name does not exist or has no such address: the target's fault. Anything else: our resolver's. */
function failure(errors: string[], resolver: Resolver, host: string, family: AddressFamily): Resolution {
  const ours = errors.find((code) => code !== "ENOTFOUND" && code !== "ENODATA");
  if (ours !== undefined) {
    const servers = resolver.getServers().join(", ");
    return {
      ok: false,
      code: "resolver",
      error: `our resolver (${servers}) ${resolverTrouble(ours)} for ${host}`,
    };
  }
  if (errors.includes("ENODATA"))
    return { ok: false, code: "name_not_found", error: `${host} has no ${label(family)} address` };
  return notFound(host);
}

function resolverTrouble(code: string): string {
  switch (code) {
    case "ESERVFAIL":
      return "answered SERVFAIL";
    case "EREFUSED":
      return "refused to answer";
    case "ECONNREFUSED":
      return "cannot be reached";
    case "ETIMEOUT":
    case "ECANCELLED":
      return "gave no answer in time";
    default:
      return `failed (${code})`;
  }
}

function checked(address: string, wanted: AddressFamily): Resolution {
  if (!fits(address, wanted))
    return { ok: false, code: "address_family", error: `${address} is not an ${label(wanted)} address` };
  const denial = addressDenial(address);
  if (denial !== null) return { ok: false, code: "address_denied", error: denial };
  return { ok: true, address, family: familyOf(address) };
}

function fits(address: string, wanted: AddressFamily): boolean {
  return wanted === "auto" || familyOf(withoutMapping(address)) === (wanted === "ipv4" ? 4 : 6);
}

/** Of what is known to be a numeric address. */
function familyOf(address: string): 4 | 6 {
  return address.includes(":") ? 6 : 4;
}

function label(family: AddressFamily): string {
  return family === "auto" ? "IP" : family === "ipv4" ? "IPv4" : "IPv6";
}

const cancelled: Resolution = { ok: false, code: "cancelled", error: "the probe was cancelled" };

function notFound(host: string): Resolution {
  return { ok: false, code: "name_not_found", error: `the name ${host} does not exist` };
}
