// The modules of GET /probe: names and targets as blackbox_exporter has them, so that its scrape configurations go on working.
import { type JobOptions, optionsByType, parseTarget, type ProbeType } from "@nightbell/contract";

interface Module {
  readonly type: ProbeType;
  readonly options?: object;
  /** The target as our prober takes it. */
  readonly targetOf?: (text: string) => string;
}

const modules = {
  http_2xx: { type: "http", targetOf: withScheme },
  http_post_2xx: { type: "http", options: { method: "POST" }, targetOf: withScheme },
  tcp_connect: { type: "tcp" },
  tls_connect: { type: "tls" },
  icmp: { type: "icmp" },
  dns_udp: { type: "dns" },
  dns_tcp: { type: "dns", options: { transport: "tcp" } },
} as const satisfies Record<string, Module>;

export type ModuleName = keyof typeof modules;
export const moduleNames = Object.keys(modules) as [ModuleName, ...ModuleName[]];

export interface AskedProbe {
  readonly type: ProbeType;
  readonly target: string;
  readonly options: JobOptions;
}

/** The probe that a module makes of a target, or what is wrong with the target. */
export function readProbe(
  name: ModuleName,
  text: string,
  timeoutMs: number,
): AskedProbe | { readonly wrong: string } {
  const { type, options, targetOf }: Module = modules[name];
  const target = targetOf?.(text) ?? text;
  const parsed = parseTarget(type, target);
  if (!parsed.ok) return { wrong: parsed.message };
  return { type, target, options: optionsByType[type].parse({ timeoutMs, ...options }) };
}

const DEFAULT_TIMEOUT_MS = 5_000;
const SHORTEST_MS = 10;
const LONGEST_MS = 60_000;
/** The answer needs time too, of the time that Prometheus waits. */
const RESERVE_MS = 500;

/** The time a probe has: what Prometheus says it waits (`X-Prometheus-Scrape-Timeout-Seconds`), less a reserve. */
export function timeoutOf(scrapeTimeout: string | undefined): number {
  const waitsMs = Number(scrapeTimeout) * 1_000;
  if (!(waitsMs > 0)) return DEFAULT_TIMEOUT_MS;
  return Math.round(Math.min(Math.max(waitsMs - RESERVE_MS, SHORTEST_MS), LONGEST_MS));
}

function withScheme(text: string): string {
  return /^https?:\/\//i.test(text) ? text : `http://${text}`;
}
