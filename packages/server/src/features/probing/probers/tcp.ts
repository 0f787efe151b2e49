// tcp: the RTT is that of the connect, by the kernel's clock where it tells.
import type { OptionsOf } from "@nightbell/contract";
import type { ResolvedAddress } from "../address.js";
import type { Prober } from "../prober.js";
import type { SocketEngine } from "../sockets/index.js";
import { type Attempt, attempt, microseconds } from "./attempt.js";
import { connectTo, type NameServers, resolveTarget } from "./connection.js";
import { exchangePlain } from "./plain-exchange.js";
import { targetOf } from "./target.js";
import { handshakeRttUs } from "./tcp-info.js";

export function createTcpProber(
  servers?: NameServers,
  engine: SocketEngine | null = null,
): Prober<OptionsOf<"tcp">> {
  return {
    type: "tcp",
    probe: ({ target, options }, signal) =>
      attempt(options.timeoutMs, signal, async (current) => {
        const { host, port } = targetOf("tcp", target);
        const address = await resolveTarget(current, host, options.family, servers);
        const rttUs =
          (await rttByEngine(current, engine, address, port)) ?? (await rttByNode(current, address, port));
        current.phases["connect"] = rttUs / 1_000;
        return rttUs;
      }),
  };
}

/** Null when the engine cannot take it. */
async function rttByEngine(
  current: Attempt,
  engine: SocketEngine | null,
  address: ResolvedAddress,
  port: number,
): Promise<number | null> {
  const exchanged = await exchangePlain(current, engine, address, port, null);
  if (exchanged === null) return null;
  if (exchanged.failure !== null) throw exchanged.failure;
  const { rttUs, connectedAt, startedAt } = exchanged.ended;
  return rttUs ?? microseconds((connectedAt ?? 0) - (startedAt ?? 0));
}

async function rttByNode(current: Attempt, address: ResolvedAddress, port: number): Promise<number> {
  const startedAt = performance.now();
  const { socket, at } = await connectTo(current, address, port);
  return handshakeRttUs(socket) ?? microseconds(at - startedAt);
}
