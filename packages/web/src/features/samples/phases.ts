import type { Phases } from "@nightbell/contract";

const order = [
  "dns",
  "connect",
  "handshake",
  "tls",
  "upgrade",
  "query",
  "answer",
  "ping",
  "message",
  "firstByte",
  "transfer",
];
const labels: Record<string, string> = {
  dns: "Name lookup",
  connect: "Connect",
  handshake: "TLS handshake",
  tls: "TLS handshake",
  upgrade: "Opening handshake",
  query: "Query",
  answer: "Answer",
  ping: "Ping",
  message: "Message",
  firstByte: "Wait for first byte",
  transfer: "Transfer",
};

export interface PhasePart {
  name: string;
  label: string;
  ms: number;
  /** Of the whole, 0 to 1. */
  share: number;
}

/** The phases in the order they happen, with their shares; unknown ones come last under their own name. */
export function phaseParts({ certificateDaysLeft: _noDuration, ...durations }: Phases): PhasePart[] {
  const total = Object.values(durations).reduce((sum, ms) => sum + ms, 0);
  return Object.entries(durations)
    .map(([name, ms]) => ({ name, label: labels[name] ?? name, ms, share: total === 0 ? 0 : ms / total }))
    .sort((a, b) => rank(a.name) - rank(b.name));
}

function rank(name: string): number {
  const index = order.indexOf(name);
  return index === -1 ? order.length : index;
}
