// One datagram to a checked address, and the answers to it.
import { createSocket } from "node:dgram";
import type { ResolvedAddress } from "../address.js";
import { type Attempt, endpointText, WAITING } from "./attempt.js";
import { connectionFailure } from "./connection.js";

/**
 * Sends one datagram from a random port of a connected socket, so that the kernel drops what other addresses send and
 * tells of ICMP errors. Resolves with what `read` first makes of an answer, null passing it over; the phase ends then.
 * Throws ProbeFailure, and what `read` throws.
 */
export function sendDatagram<Answer>(
  current: Attempt,
  to: ResolvedAddress,
  port: number,
  bytes: Buffer,
  phase: string,
  read: (answer: Buffer) => Answer | null,
): Promise<Answer> {
  const endpoint = endpointText(to.address, port);
  current.awaits(endpoint, WAITING);
  return new Promise((resolve, reject) => {
    const socket = createSocket(to.family === 6 ? "udp6" : "udp4");
    current.hold(() => socket.close());
    let isLocal = true;
    socket.on("error", (error) => reject(connectionFailure(error, current, endpoint, isLocal)));
    socket.on("message", (received) => {
      try {
        const answer = read(received);
        if (answer === null) return;
        current.endPhase(phase);
        resolve(answer);
      } catch (error) {
        reject(error);
      }
    });
    // Not by connect's callback, which would take the errors from the listener above.
    socket.once("connect", () => {
      isLocal = false;
      current.beginPhase();
      socket.send(bytes);
    });
    socket.connect(port, to.address);
  });
}
