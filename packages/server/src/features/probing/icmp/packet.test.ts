import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  checksum,
  MAX_ECHO_BYTES,
  readIpv4Packet,
  Reading,
  readMessage,
  readQuotedEcho,
  Seen,
  writeEchoRequest,
  type Family,
} from "./packet.js";

const instance = 0x01020304;
const secret = 0xf5f6f7f8;
const families: readonly Family[] = [4, 6];

describe("an echo request", () => {
  test("has the length it was asked for and, for IPv4, a right checksum", () => {
    for (const payloadBytes of [16, 17, 56, 1_400]) {
      const packet = request(4, payloadBytes);
      expect(packet.byteLength).toBe(8 + payloadBytes);
      expect(checksum(packet, 0, packet.byteLength)).toBe(0);
    }
  });

  test("comes back as a reply that names its probe", () => {
    for (const family of families) {
      const packet = request(family, 56);
      packet.setUint8(0, family === 4 ? 0 : 129);
      const reading = new Reading();
      readMessage(packet, family, 0, packet.byteLength, reading);
      expect(reading).toMatchObject({
        seen: Seen.reply,
        identifier: 0xabcd,
        sequence: 0x5678,
        instance,
        secret,
        number: 0x12345678,
        slot: 77,
        payloadBytes: 56,
      });
    }
  });

  test("is recognised in an error, also when only 8 bytes of it are quoted", () => {
    for (const family of families)
      for (const quoted of [8, 64]) {
        const packet = errorAbout(request(family, 56), family, quoted);
        const reading = new Reading();
        readMessage(packet, family, 0, packet.byteLength, reading);
        expect(reading).toMatchObject({
          seen: Seen.error,
          icmpType: family === 4 ? 3 : 1,
          icmpCode: 1,
          identifier: 0xabcd,
          sequence: 0x5678,
          hasToken: quoted === 64,
        });
        expect(packet.getUint8(reading.quotedDestinationOffset)).toBe(family === 4 ? 10 : 0xfd);
      }
  });
});

describe("hostile bytes", () => {
  const bytes = fc.uint8Array({ maxLength: 200 });
  // Random bytes rarely get far; these look like ICMP and lie in one place.
  const plausible = fc
    .record({
      family: fc.constantFrom<Family>(4, 6),
      quoted: fc.integer({ min: 0, max: 64 }),
      at: fc.nat(120),
      value: fc.integer({ min: 0, max: 255 }),
    })
    .map(({ family, quoted, at, value }) => {
      const view = new DataView(new ArrayBuffer(MAX_ECHO_BYTES));
      const length = writeEchoRequest(view, family, 1, 56, instance, secret, 2, 3);
      const packet = errorAbout(new DataView(view.buffer, 0, length), family, quoted);
      const result = new Uint8Array(packet.buffer);
      if (at < result.length) result[at] = value;
      return result;
    });
  const offsetInto = fc.nat(20);

  test("never make a reader throw or read beyond the packet", () => {
    fc.assert(
      fc.property(fc.oneof(bytes, plausible), offsetInto, (packet, offset) => {
        // Whoever reads beyond the packet throws here, for the view ends with it.
        const padded = new Uint8Array(offset + packet.length);
        padded.set(packet, offset);
        const view = new DataView(padded.buffer);
        const reading = new Reading();
        readIpv4Packet(view, offset, packet.length, reading);
        for (const family of families) {
          readMessage(view, family, offset, packet.length, reading);
          readQuotedEcho(view, family, offset, packet.length, reading);
          expect(reading.seen !== Seen.reply || packet.length >= 24).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test("a raw IPv4 packet counts only with a right checksum and lengths that agree", () => {
    const view = new DataView(new ArrayBuffer(MAX_ECHO_BYTES));
    const length = writeEchoRequest(view, 4, 1, 56, instance, secret, 2, 3);
    view.setUint8(0, 0);
    view.setUint16(2, 0);
    view.setUint16(2, checksum(view, 0, length));
    const packet = behindIpv4Header(new Uint8Array(view.buffer, 0, length));
    expect(read(packet)).toBe(Seen.reply);
    fc.assert(
      fc.property(
        fc.integer({ min: 20, max: packet.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        (at, flip) => {
          const damaged = packet.slice();
          damaged[at] = (damaged[at] ?? 0) ^ flip;
          expect(read(damaged)).toBe(Seen.malformed);
        },
      ),
    );
    fc.assert(
      fc.property(fc.nat(packet.length - 1), (kept) => {
        expect(read(packet.slice(0, kept))).toBe(Seen.malformed);
      }),
    );
  });
});

function request(family: Family, payloadBytes: number): DataView {
  const view = new DataView(new ArrayBuffer(MAX_ECHO_BYTES));
  const length = writeEchoRequest(view, family, 0xabcd, payloadBytes, instance, secret, 0x12345678, 77);
  return new DataView(view.buffer, 0, length);
}

/** What a raw IPv4 socket's reader makes of a packet. */
function read(packet: Uint8Array): Seen {
  const reading = new Reading();
  readIpv4Packet(new DataView(packet.buffer), 0, packet.length, reading);
  return reading.seen;
}

/** A "host unreachable" with `quoted` bytes of the request behind its IP header. */
function errorAbout(request: DataView, family: Family, quoted: number): DataView {
  const ipHeader = new Uint8Array(family === 4 ? 20 : 40);
  if (family === 4) {
    ipHeader[0] = 0x45;
    ipHeader[9] = 1;
    ipHeader[16] = 10;
  } else {
    ipHeader[0] = 0x60;
    ipHeader[6] = 58;
    ipHeader[24] = 0xfd;
  }
  const quote = new Uint8Array(request.buffer, 0, Math.min(quoted, request.byteLength));
  const packet = new Uint8Array(8 + ipHeader.length + quote.length);
  packet[0] = family === 4 ? 3 : 1;
  packet[1] = 1;
  packet.set(ipHeader, 8);
  packet.set(quote, 8 + ipHeader.length);
  return new DataView(packet.buffer);
}

function behindIpv4Header(message: Uint8Array): Uint8Array {
  const packet = new Uint8Array(20 + message.length);
  packet[0] = 0x45;
  new DataView(packet.buffer).setUint16(2, packet.length);
  packet[9] = 1;
  packet.set(message, 20);
  return packet;
}
