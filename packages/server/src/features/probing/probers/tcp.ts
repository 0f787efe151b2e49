// tcp: the RTT is that of the connect, by the kernel's clock where it tells.
import type { OptionsOf } from "@nightbell/contract";
import type { Prober } from "../prober.js";
import { attempt, microseconds } from "./attempt.js";
import { connectTo, type NameServers, resolveTarget } from "./connection.js";
import { targetOf } from "./target.js";
import { handshakeRttUs } from "./tcp-info.js";

export function createTcpProber(servers?: NameServers): Prober<OptionsOf<"tcp">> {
  return {
    type: "tcp",
    probe: ({ target, options }, signal) =>
      attempt(options.timeoutMs, signal, async (current) => {
        const { host, port } = targetOf("tcp", target);
        const address = await resolveTarget(current, host, options.family, servers);
        const startedAt = performance.now();
        const { socket, at } = await connectTo(current, address, port);
        const rttUs = handshakeRttUs(socket) ?? microseconds(at - startedAt);
        current.phases["connect"] = rttUs / 1_000;
        return rttUs;
      }),
  };
}
