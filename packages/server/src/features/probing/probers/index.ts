// The probers of everything but icmp, which has an engine of its own, and the simulator.
import type { OptionsOf, ProbeType } from "@nightbell/contract";
import type { Prober } from "../prober.js";
import type { SocketEngine } from "../sockets/index.js";
import { createDnsProber } from "./dns.js";
import { createHttpProber } from "./http.js";
import { createLatencyApiProber } from "./latency-api.js";
import { createTcpProber } from "./tcp.js";
import { createTlsProber } from "./tls.js";
import { createTrust } from "./tls-handshake.js";
import { createUdpProber } from "./udp.js";
import { createWebSocketProber } from "./websocket.js";

export { createSimulatedProber } from "./simulator.js";

export interface ProberSettings {
  /** Service that executes latency_api probes whose options name none. */
  latencyApiUrl: string;
  /** Certificate authorities in PEM, trusted beside Node's own list. */
  authorities?: string;
  /** DNS servers (`address` or `address:port`) to use instead of this machine's. */
  nameServers?: readonly string[];
  /** Opens plain connections; without it Node does, in this thread. */
  engine?: SocketEngine;
}

export type Probers = { [Type in Exclude<ProbeType, "icmp">]: Prober<OptionsOf<Type>> };

export function createProbers({ latencyApiUrl, authorities, nameServers, engine }: ProberSettings): Probers {
  // One for all: making a context reads every root certificate.
  const trust = createTrust(authorities);
  return {
    tcp: createTcpProber(nameServers, engine),
    udp: createUdpProber(nameServers),
    http: createHttpProber(trust, nameServers, engine),
    websocket: createWebSocketProber(trust, nameServers),
    dns: createDnsProber(nameServers),
    tls: createTlsProber(trust, nameServers),
    latency_api: createLatencyApiProber(latencyApiUrl, nameServers),
  };
}
