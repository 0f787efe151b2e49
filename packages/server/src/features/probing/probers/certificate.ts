// What is wrong with the certificate of a finished handshake, and how long it is still valid.
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import type { Failure } from "../outcome.js";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** No server sends more; a root is its own issuer, but a cross-signed pair could refer to each other for ever. */
const MAX_CHAIN = 20;

/** OpenSSL's verdict (X509_verify_cert) and Node's check of the name, as a failure of ours; null for a valid one. */
export function certificateFailure(socket: TLSSocket, name: string): Failure | null {
  // Typed as an Error, but Node sets the code.
  const verdict = String(socket.authorizationError ?? "");
  switch (verdict) {
    case "":
    case "null":
      return null;
    case "CERT_HAS_EXPIRED":
      return { code: "tls_expired", error: expired(socket, name) };
    case "CERT_NOT_YET_VALID":
      return { code: "tls_not_yet_valid", error: notYetValid(socket, name) };
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
      return { code: "tls_self_signed", error: `the certificate of ${name} is self-signed` };
    case "SELF_SIGNED_CERT_IN_CHAIN":
      return {
        code: "tls_untrusted",
        error: `the certificate of ${name} leads to a root that is not trusted here`,
      };
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
      return {
        code: "tls_untrusted",
        error: `the certificate of ${name} leads to no trusted root: its authority is unknown or an intermediate certificate is missing`,
      };
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return {
        code: "tls_name_mismatch",
        error: `the certificate is for ${namesOf(socket)}, not for ${name}`,
      };
    default:
      return { code: "tls_untrusted", error: `the certificate of ${name} is not acceptable (${verdict})` };
  }
}

/** Whole days until the server's own certificate expires, negative once it has; null without a certificate. */
export function daysLeft(socket: TLSSocket, now: number): number | null {
  const certificate = socket.getPeerX509Certificate();
  return certificate === undefined ? null : Math.floor((Date.parse(certificate.validTo) - now) / DAY_MS);
}

/** When the first certificate of the chain expires, milliseconds since the epoch; null without a certificate. */
export function earliestExpiry(socket: TLSSocket): number | null {
  let earliest = Infinity;
  let certificate: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  for (let depth = 0; depth < MAX_CHAIN && certificate?.valid_to !== undefined; depth++) {
    earliest = Math.min(earliest, Date.parse(certificate.valid_to));
    const issuer: DetailedPeerCertificate | undefined = certificate.issuerCertificate;
    certificate = issuer === certificate ? undefined : issuer;
  }
  return Number.isFinite(earliest) ? earliest : null;
}

function expired(socket: TLSSocket, name: string): string {
  const now = Date.now();
  const { subject, at } = found(
    socket,
    name,
    ({ valid_to }) => Date.parse(valid_to),
    (at) => at < now,
  );
  return `${subject} expired ${span(now - at)} ago`;
}

function notYetValid(socket: TLSSocket, name: string): string {
  const now = Date.now();
  const { subject, at } = found(
    socket,
    name,
    ({ valid_from }) => Date.parse(valid_from),
    (at) => at > now,
  );
  return `${subject} becomes valid in ${span(at - now)}`;
}

/** The certificate of the chain whose date is the trouble: the server's own first, then those above it. */
function found(
  socket: TLSSocket,
  name: string,
  dateOf: (certificate: DetailedPeerCertificate) => number,
  isTrouble: (at: number) => boolean,
): { subject: string; at: number } {
  const own = socket.getPeerCertificate(true);
  for (let certificate = own, depth = 0; depth < MAX_CHAIN; depth++) {
    const at = dateOf(certificate);
    if (isTrouble(at)) {
      const authority = String(certificate.subject?.CN ?? "an authority");
      return {
        subject: `the certificate of ${depth === 0 ? name : `${authority}, in the chain of ${name},`}`,
        at,
      };
    }
    const issuer = certificate.issuerCertificate;
    if (issuer === undefined || issuer === certificate) break;
    certificate = issuer;
  }
  return { subject: `a certificate in the chain of ${name}`, at: dateOf(own) };
}

function namesOf(socket: TLSSocket): string {
  const { subjectaltname, subject } = socket.getPeerCertificate();
  const names = subjectaltname?.replaceAll(/\b(?:DNS|IP Address):/g, "") ?? String(subject?.CN ?? "no name");
  return names.length > 200 ? `${names.slice(0, 200)}…` : names;
}

/** `3 days`, `1 day`, `5 hours`, `less than an hour`. */
function span(ms: number): string {
  if (ms >= DAY_MS) return count(Math.floor(ms / DAY_MS), "day");
  return ms >= HOUR_MS ? count(Math.floor(ms / HOUR_MS), "hour") : "less than an hour";
}

function count(value: number, unit: string): string {
  return `${value} ${unit}${value === 1 ? "" : "s"}`;
}
