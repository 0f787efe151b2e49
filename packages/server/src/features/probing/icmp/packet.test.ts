import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  checksum,
  icmpTypes,
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

  test("of an error that was cut off, damaged or made up, nothing is believed but what it really quotes", () => {
    for (const family of families) {
      const types = icmpTypes[family];
      const whole = new Uint8Array(errorAbout(request(family, 56), family, 64).buffer);
      whole[0] = types.timeExceeded;
      whole[1] = 0;
      fc.assert(
        fc.property(
          fc.nat(whole.length),
          fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 4 }),
          fc.uint8Array({ maxLength: 64 }),
          (kept, damage, appended) => {
            const packet = new Uint8Array([...whole.slice(0, kept), ...appended]);
            for (const [at, value] of damage) if (at < packet.length) packet[at] = value;
            const reading = new Reading();
            readMessage(new DataView(packet.buffer), family, 0, packet.length, reading);
            if (reading.seen !== Seen.error) return;
            // Each field is that of the bytes at its place in the packet, and these are there.
            const headerBytes = family === 4 ? ((packet[8] ?? 0) & 15) * 4 : 40;
            const echo = new DataView(packet.buffer, 8 + headerBytes);
            expect(echo.byteLength).toBeGreaterThanOrEqual(8);
            expect(echo.getUint8(0)).toBe(types.request);
            expect(reading.identifier).toBe(echo.getUint16(4));
            expect(reading.sequence).toBe(echo.getUint16(6));
            expect(reading.hasToken).toBe(echo.byteLength >= 24);
            expect(reading.hasToken ? reading.secret : null).toBe(
              echo.byteLength >= 24 ? echo.getUint32(12) : null,
            );
            expect(reading.quotedDestinationOffset).toBe(8 + (family === 4 ? 16 : 24));
          },
        ),
        { numRuns: 3_000 },
      );
    }
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
