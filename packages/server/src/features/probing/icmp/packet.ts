// ICMP echo as bytes: writes requests, reads replies and the errors that quote a request. Pure; never throws on
// hostile input (RFC 792, RFC 4443, RFC 1812 §4.3.2.3 for how much of a packet an error quotes).

export type Family = 4 | 6;

const HEADER_BYTES = 8;
/**
 * Every request begins its payload with, 4 bytes each: instance, the probe's secret, its number, its table slot. Instance,
 * number and slot follow from any other request: without the secret one target could answer for another.
 */
const TOKEN_BYTES = 16;
export const MIN_PAYLOAD_BYTES = TOKEN_BYTES;
export const MAX_PAYLOAD_BYTES = 1_400;
export const MAX_ECHO_BYTES = HEADER_BYTES + MAX_PAYLOAD_BYTES;
/** Room for the longest thing worth reading: an error with extensions (RFC 4884) that quotes our longest request. */
export const MAX_RECEIVED_BYTES = 2_048;

const IPV4_MIN_HEADER_BYTES = 20;
const IPV6_HEADER_BYTES = 40;
const PROTOCOL_ICMP = 1;
const PROTOCOL_ICMPV6 = 58;

export const icmpTypes = {
  4: { request: 8, reply: 0, unreachable: 3, timeExceeded: 11, parameterProblem: 12, tooBig: -1 },
  6: { request: 128, reply: 129, unreachable: 1, timeExceeded: 3, parameterProblem: 4, tooBig: 2 },
} as const;

export const Seen = {
  /** Well-formed, but not an answer to an echo request. */
  other: 0,
  /** Truncated, lying about its lengths or damaged. */
  malformed: 1,
  reply: 2,
  /** An ICMP error that quotes an echo request. */
  error: 3,
} as const;
export type Seen = (typeof Seen)[keyof typeof Seen];

/** What was read from a packet. One object is reused for all packets; offsets are into the view that was read. */
export class Reading {
  seen: Seen = Seen.other;
  icmpType = 0;
  icmpCode = 0;
  identifier = 0;
  sequence = 0;
  /** False where an error quotes less than our token (RFC 792 asks for 8 bytes only). */
  hasToken = false;
  instance = 0;
  secret = 0;
  number = 0;
  slot = 0;
  /** Bytes of the reply's payload; 0 for errors. */
  payloadBytes = 0;
  /** Where the sender's address lies, -1 when the packet does not carry it. */
  sourceOffset = -1;
  /** Where the destination that an error quotes lies, -1 without one. */
  quotedDestinationOffset = -1;
}

/** Writes an echo request with a zero-filled payload of `payloadBytes`; the view must be zero beyond the token. */
export function writeEchoRequest(
  packet: DataView,
  family: Family,
  identifier: number,
  payloadBytes: number,
  instance: number,
  secret: number,
  number: number,
  slot: number,
): number {
  const sequence = number & 0xffff;
  packet.setUint16(0, icmpTypes[family].request << 8);
  packet.setUint16(2, 0);
  packet.setUint16(4, identifier);
  packet.setUint16(6, sequence);
  packet.setUint32(8, instance);
  packet.setUint32(12, secret);
  packet.setUint32(16, number);
  packet.setUint32(20, slot);
  // ICMPv6 sums a pseudo header too, which the kernel knows and fills in.
  if (family === 4) packet.setUint16(2, checksum(packet, 0, HEADER_BYTES + TOKEN_BYTES));
  return HEADER_BYTES + payloadBytes;
}

/** The Internet checksum (RFC 1071): 0 over a packet that carries a right one. */
export function checksum(view: DataView, offset: number, length: number): number {
  let sum = 0;
  const even = offset + (length & ~1);
  for (let at = offset; at < even; at += 2) sum += view.getUint16(at);
  if (length & 1) sum += view.getUint8(even) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** Reads what a raw IPv4 socket delivers: an IP header, then ICMP. The kernel has not checked the ICMP checksum. */
export function readIpv4Packet(view: DataView, offset: number, length: number, reading: Reading): void {
  reading.seen = Seen.malformed;
  const headerBytes = ipv4HeaderBytes(view, offset, length);
  if (headerBytes === 0) return;
  const totalBytes = view.getUint16(offset + 2);
  if (totalBytes < headerBytes || totalBytes > length) return;
  if (view.getUint8(offset + 9) !== PROTOCOL_ICMP) return;
  const messageBytes = totalBytes - headerBytes;
  if (messageBytes < HEADER_BYTES || checksum(view, offset + headerBytes, messageBytes) !== 0) return;
  readMessage(view, 4, offset + headerBytes, messageBytes, reading);
  reading.sourceOffset = offset + 12;
}

/** Reads an ICMP message whose checksum the kernel has verified: ping sockets, and raw ICMPv6 sockets. */
export function readMessage(
  view: DataView,
  family: Family,
  offset: number,
  length: number,
  reading: Reading,
): void {
  reading.seen = Seen.malformed;
  reading.sourceOffset = -1;
  reading.quotedDestinationOffset = -1;
  if (length < HEADER_BYTES) return;
  const types = icmpTypes[family];
  const type = view.getUint8(offset);
  reading.icmpType = type;
  reading.icmpCode = view.getUint8(offset + 1);
  if (type === types.reply) {
    readEcho(view, offset, length, reading);
    reading.payloadBytes = length - HEADER_BYTES;
    reading.seen = reading.hasToken ? Seen.reply : Seen.malformed;
    return;
  }
  const isError =
    type === types.unreachable ||
    type === types.timeExceeded ||
    type === types.parameterProblem ||
    type === types.tooBig;
  if (!isError) {
    reading.seen = Seen.other;
    return;
  }
  readQuotedPacket(view, family, offset + HEADER_BYTES, length - HEADER_BYTES, reading);
}

/** Reads the echo request that an error quotes, from its ICMP header on. */
export function readQuotedEcho(
  view: DataView,
  family: Family,
  offset: number,
  length: number,
  reading: Reading,
): void {
  reading.seen = Seen.malformed;
  if (length < HEADER_BYTES) return;
  reading.seen = Seen.other;
  if (view.getUint8(offset) !== icmpTypes[family].request) return;
  readEcho(view, offset, length, reading);
  reading.payloadBytes = 0;
  reading.seen = Seen.error;
}

function readQuotedPacket(
  view: DataView,
  family: Family,
  offset: number,
  length: number,
  reading: Reading,
): void {
  const headerBytes =
    family === 4 ? ipv4HeaderBytes(view, offset, length) : ipv6HeaderBytes(view, offset, length);
  if (headerBytes === 0) return;
  reading.seen = Seen.other;
  const protocol = view.getUint8(offset + (family === 4 ? 9 : 6));
  if (protocol !== (family === 4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6)) return;
  readQuotedEcho(view, family, offset + headerBytes, length - headerBytes, reading);
  reading.quotedDestinationOffset = offset + (family === 4 ? 16 : 24);
}

function readEcho(view: DataView, offset: number, length: number, reading: Reading): void {
  reading.identifier = view.getUint16(offset + 4);
  reading.sequence = view.getUint16(offset + 6);
  reading.hasToken = length >= HEADER_BYTES + TOKEN_BYTES;
  if (!reading.hasToken) return;
  reading.instance = view.getUint32(offset + 8);
  reading.secret = view.getUint32(offset + 12);
  reading.number = view.getUint32(offset + 16);
  reading.slot = view.getUint32(offset + 20);
}

/** 0 when there is no whole IPv4 header. */
function ipv4HeaderBytes(view: DataView, offset: number, length: number): number {
  if (length < IPV4_MIN_HEADER_BYTES) return 0;
  const first = view.getUint8(offset);
  const headerBytes = (first & 0x0f) * 4;
  const isWhole = first >>> 4 === 4 && headerBytes >= IPV4_MIN_HEADER_BYTES && headerBytes <= length;
  return isWhole ? headerBytes : 0;
}

function ipv6HeaderBytes(view: DataView, offset: number, length: number): number {
  return length >= IPV6_HEADER_BYTES && view.getUint8(offset) >>> 4 === 6 ? IPV6_HEADER_BYTES : 0;
}
