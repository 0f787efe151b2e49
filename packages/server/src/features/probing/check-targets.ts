// What a person types after `nightbell check`: an address or a name for icmp, or a URL whose scheme names the type.
import { optionsByType, parseTarget, type JobOptions, type ProbeType } from "@nightbell/contract";

export interface CheckTarget {
  /** As typed. */
  readonly label: string;
  readonly type: ProbeType;
  readonly target: string;
  readonly options: JobOptions;
}

const typeOfScheme: Record<string, ProbeType> = {
  icmp: "icmp",
  tcp: "tcp",
  udp: "udp",
  tls: "tls",
  http: "http",
  https: "http",
  ws: "websocket",
  wss: "websocket",
  dns: "dns",
};

/** The target, or the reason why it is none. */
export function parseCheckTarget(text: string, timeoutMs: number): CheckTarget | { readonly reason: string } {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  const type = scheme === undefined ? "icmp" : typeOfScheme[scheme];
  if (type === undefined) {
    return { reason: `there is no probe for ${scheme}://; use ${Object.keys(typeOfScheme).join(", ")}` };
  }
  const parsed = parseTarget(type, text);
  if (!parsed.ok) return { reason: `${parsed.message}${hint(text, scheme)}` };
  const options = optionsByType[type].safeParse({ timeoutMs });
  if (!options.success) return { reason: options.error.issues.map(describeIssue).join("; ") };
  return { label: text, type, target: text, options: options.data };
}

function hint(text: string, scheme: string | undefined): string {
  return scheme === undefined && /^[^/\s]+:\d+$/.test(text) ? `; for a TCP port write tcp://${text}` : "";
}

function describeIssue({ path, message }: { path: PropertyKey[]; message: string }): string {
  return path[0] === "timeoutMs" ? `the timeout ${message}` : `${path.join(".")} ${message}`;
}
