// tls: the RTT is that of the handshake, from the connected socket to its end; then the certificate is judged.
import type { SecureContext } from "node:tls";
import type { OptionsOf } from "@nightbell/contract";
import type { Prober } from "../prober.js";
import { attempt, microseconds, ProbeFailure } from "./attempt.js";
import { connectTo, type NameServers, resolveTarget } from "./connection.js";
import { targetOf } from "./target.js";
import { handshake } from "./tls-handshake.js";

export function createTlsProber(context: SecureContext, servers?: NameServers): Prober<OptionsOf<"tls">> {
  return {
    type: "tls",
    probe: ({ target, options, notes }, signal) =>
      attempt(options.timeoutMs, signal, async (current) => {
        current.notes = notes;
        const { host, port } = targetOf("tls", target);
        const serverName = options.serverName ?? host;
        const address = await resolveTarget(current, host, options.family, servers);
        const connected = await connectTo(current, address, port);
        const secured = await handshake(current, connected, "handshake", { serverName, context });
        const rttUs = microseconds(secured.at - connected.at);
        if (options.verify && secured.certificate !== null) {
          throw new ProbeFailure(secured.certificate.code, secured.certificate.error, rttUs);
        }
        const days = secured.daysLeft;
        if (options.minDaysLeft > 0 && days !== null && days < options.minDaysLeft) {
          const when = days < 0 ? "has expired" : `expires in ${days} ${days === 1 ? "day" : "days"}`;
          throw new ProbeFailure(
            "tls_expires_soon",
            `the certificate of ${serverName} ${when}, fewer than ${options.minDaysLeft}`,
            rttUs,
          );
        }
        return rttUs;
      }),
  };
}
