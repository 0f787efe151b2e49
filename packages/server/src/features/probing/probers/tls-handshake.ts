// A TLS handshake over a connected socket. The certificate is judged after it, so that a bad one is measured as well.
import { isIP } from "node:net";
import { connect, createSecureContext, rootCertificates, type SecureContext, type TLSSocket } from "node:tls";
import type { Failure } from "../outcome.js";
import { certificateFailure, daysLeft, earliestExpiry } from "./certificate.js";
import { type Attempt, ProbeFailure } from "./attempt.js";
import { type Connected, connectionFailure } from "./connection.js";

export interface Secured {
  socket: TLSSocket;
  /** When the handshake was seen done (performance.now()). */
  at: number;
  endpoint: string;
  /** Why the certificate is not valid for the name; null when it is. */
  certificate: Failure | null;
  /** Whole days until the server's certificate expires; null without one. */
  daysLeft: number | null;
}

export interface HandshakeOptions {
  /** Host name or address the certificate must be for; a name is also sent (SNI). */
  serverName: string;
  /** Protocols to offer (ALPN), best first. */
  protocols?: string[];
  context: SecureContext;
}

/** Trust in the system's authorities (NODE_EXTRA_CA_CERTS included) or, with `authorities`, in Node's list and those. */
export function createTrust(authorities?: string): SecureContext {
  return createSecureContext(authorities === undefined ? {} : { ca: [...rootCertificates, authorities] });
}

/** Ends in phase `phase`. Throws ProbeFailure. */
export function handshake(
  current: Attempt,
  { socket: raw, endpoint }: Connected,
  phase: "tls" | "handshake",
  { serverName, protocols, context }: HandshakeOptions,
): Promise<Secured> {
  current.awaits(endpoint, "during the TLS handshake");
  // What follows is several small writes; Nagle's algorithm would hold the later ones back.
  raw.setNoDelay(true);
  return new Promise((resolve, reject) => {
    const socket = connect({
      socket: raw,
      host: serverName,
      // RFC 6066: addresses are not sent as names.
      servername: isIP(serverName) === 0 ? serverName : "",
      ...(protocols && { ALPNProtocols: protocols }),
      secureContext: context,
      rejectUnauthorized: false,
    });
    current.hold(() => socket.destroy());
    socket.on("error", (error) => reject(handshakeFailure(error, current, endpoint)));
    raw.on("error", (error) => reject(connectionFailure(error, current, endpoint)));
    socket.once("secureConnect", () => {
      const at = current.endPhase(phase);
      // daysLeft last: of Node's two views of a certificate, the one it takes leaves the other without its chain.
      const certificate = certificateFailure(socket, serverName);
      if (current.notes !== undefined) {
        const expiresAt = earliestExpiry(socket);
        if (expiresAt !== null) current.notes.certificateExpiresAt = expiresAt;
      }
      const days = daysLeft(socket, Date.now());
      if (days !== null) current.phases["certificateDaysLeft"] = days;
      resolve({ socket, at, endpoint, certificate, daysLeft: days });
    });
  });
}

function handshakeFailure(
  error: NodeJS.ErrnoException & { library?: string; reason?: string },
  current: Attempt,
  endpoint: string,
): ProbeFailure {
  const isTls = error.library !== undefined || error.code?.startsWith("ERR_SSL") || error.code === "EPROTO";
  if (!isTls) return connectionFailure(error, current, endpoint);
  const speaksOtherwise = ["wrong version number", "packet length too long", "http request"];
  if (error.reason !== undefined && speaksOtherwise.includes(error.reason))
    return new ProbeFailure("tls_handshake", `${endpoint} does not speak TLS`);
  return new ProbeFailure(
    "tls_handshake",
    `the TLS handshake with ${endpoint} failed: ${error.reason ?? error.message}`,
  );
}
