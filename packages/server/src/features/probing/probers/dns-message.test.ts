import { DnsRecordType } from "@nightbell/contract";
import dnsPacket, { type Answer } from "dns-packet";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeMessage, encodeQuery } from "./dns-message.js";
import { isSameRdata, recordTypes } from "./dns-rdata.js";
import { DnsFormatError } from "./dns-wire.js";

const name = "example.org";
const base = { name, ttl: 60 } as const;

/** Encoded by another implementation, read by ours. */
const known: [answer: Answer, text: string][] = [
  [{ ...base, type: "A", data: "192.0.2.1" }, "192.0.2.1"],
  [{ ...base, type: "AAAA", data: "2001:db8::1" }, "2001:db8::1"],
  [{ ...base, type: "CNAME", data: "www.example.org" }, "www.example.org"],
  [{ ...base, type: "NS", data: "ns1.example.org" }, "ns1.example.org"],
  [{ ...base, type: "PTR", data: "host.example.org" }, "host.example.org"],
  [{ ...base, type: "MX", data: { preference: 10, exchange: "mail.example.org" } }, "10 mail.example.org"],
  [{ ...base, type: "MX", data: { preference: 0, exchange: "." } }, "0 ."],
  [{ ...base, type: "TXT", data: ["v=spf1 -all", 'a "b"'] }, '"v=spf1 -all" "a \\"b\\""'],
  [
    { ...base, type: "SRV", data: { priority: 1, weight: 2, port: 5060, target: "sip.example.org" } },
    "1 2 5060 sip.example.org",
  ],
  [{ ...base, type: "CAA", data: { flags: 0, tag: "issue", value: "ca.example" } }, '0 issue "ca.example"'],
  [
    {
      ...base,
      type: "SOA",
      data: { mname: "ns1.a", rname: "admin.a", serial: 1, refresh: 2, retry: 3, expire: 4, minimum: 5 },
    },
    "ns1.a admin.a 1 2 3 4 5",
  ],
  [
    {
      ...base,
      type: "NAPTR",
      data: { order: 1, preference: 2, flags: "s", services: "SIP+D2T", regexp: "", replacement: "a.b" },
    },
    '1 2 "s" "SIP+D2T" "" a.b',
  ],
  [
    {
      ...base,
      type: "DS",
      data: { keyTag: 1, algorithm: 13, digestType: 2, digest: Buffer.from("abcd", "hex") },
    },
    "1 13 2 ABCD",
  ],
  [
    { ...base, type: "DNSKEY", data: { flags: 257, algorithm: 13, key: Buffer.from("key") } },
    "257 3 13 a2V5",
  ],
  [
    {
      ...base,
      type: "TLSA",
      data: { usage: 3, selector: 1, matchingType: 1, certificate: Buffer.from("00ff", "hex") },
    },
    "3 1 1 00FF",
  ],
];

/** A message with one record of raw data. */
function withRdata(type: number, rdata: Buffer): Buffer {
  const header = Buffer.from([0, 1, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
  const fixed = Buffer.from([
    0,
    type >> 8,
    type & 0xff,
    0,
    1,
    0,
    0,
    0,
    0,
    rdata.length >> 8,
    rdata.length & 0xff,
  ]);
  return Buffer.concat([header, fixed, rdata]);
}

/** Whether bytes are a message; every error but the one for malformed messages is a bug. */
function isRead(bytes: Buffer): boolean {
  try {
    decodeMessage(bytes);
    return true;
  } catch (error) {
    if (error instanceof DnsFormatError) return false;
    throw error;
  }
}

describe("DNS messages", () => {
  it("asks what another implementation understands", () => {
    const query = dnsPacket.decode(encodeQuery(4711, { name: "_dmarc.example.org", type: 16 }, true));
    expect(query).toMatchObject({
      id: 4711,
      type: "query",
      flag_rd: true,
      questions: [{ name: "_dmarc.example.org", type: "TXT", class: "IN" }],
      additionals: [{ type: "OPT", udpPayloadSize: 1_232 }],
    });
    expect(dnsPacket.decode(encodeQuery(1, { name: ".", type: 2 }, false))).toMatchObject({
      flag_rd: false,
      questions: [{ name: ".", type: "NS" }],
    });
  });

  it.each(known)("presents %o", (answer, text) => {
    const bytes = dnsPacket.encode({
      type: "response",
      id: 1,
      questions: [{ type: "A", name }],
      answers: [answer],
    });
    expect(decodeMessage(bytes)).toMatchObject({
      isResponse: true,
      question: { name, type: 1 },
      answers: [{ name, ttl: 60, text }],
    });
  });

  it("presents service bindings (RFC 9460)", () => {
    const alpn = "0001 0006 02 6832 02 6833"; // h2,h3
    const port = "0003 0002 20fb"; // 8443
    const ipv4hint = "0004 0004 c0000201";
    const unknown = "029b 0001 78"; // key667 "x"
    const parameters = Buffer.from([alpn, port, ipv4hint, unknown].join("").replaceAll(" ", ""), "hex");
    const bytes = withRdata(65, Buffer.concat([Buffer.from([0, 1, 0]), parameters]));
    expect(decodeMessage(bytes).answers[0]?.text).toBe(
      '1 . alpn="h2,h3" port=8443 ipv4hint=192.0.2.1 key667="x"',
    );
  });

  it("presents unknown types by their bytes (RFC 3597)", () => {
    expect(decodeMessage(withRdata(65_280, Buffer.from([1, 0xab]))).answers[0]?.text).toBe("\\# 2 01AB");
    expect(decodeMessage(withRdata(65_280, Buffer.alloc(0))).answers[0]?.text).toBe("\\# 0");
  });

  it("knows a number for every record type of the contract", () => {
    expect(Object.keys(recordTypes).sort()).toEqual([...DnsRecordType.options].sort());
  });

  it("survives every sequence of bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        expect(isRead(Buffer.from(bytes))).toBeTypeOf("boolean");
      }),
      { numRuns: 2_000 },
    );
  });

  it("survives every change to a good answer", () => {
    const good = dnsPacket.encode({
      type: "response",
      questions: [{ type: "TXT", name }],
      answers: known.map(([answer]) => answer),
    });
    const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 1, maxLength: 6 }),
        fc.nat(good.length),
        (changes, length) => {
          const bytes = Buffer.from(good.subarray(0, length));
          for (const [offset, value] of changes) if (offset < length) bytes[offset] = value;
          expect(isRead(bytes)).toBeTypeOf("boolean");
        },
      ),
      { numRuns: 3_000 },
    );
  });
});

describe("expected answers", () => {
  it.each([
    ["MX", "10 mail.example.org", "10  Mail.Example.ORG."],
    ["A", "192.0.2.1", "192.0.2.1"],
    ["AAAA", "2001:db8::1", "2001:0DB8:0:0::1"],
    ["TXT", '"v=spf1 -all"', "v=spf1 -all"],
    ["TXT", '"long " "text"', "long text"],
    ["TXT", '"gr\\195\\188n"', "grün"],
    ["CAA", '0 issue "ca.example"', "0 issue ca.example"],
    ["DS", "1 13 2 ABCDEF0123456789", "1 13 2 abcdef01 23456789"],
    ["DNSKEY", "257 3 13 abcdefghijkl", "257 3 13 abcdefgh ijkl"],
  ] as const)("%s %s is %s", (type, text, expected) => {
    expect(isSameRdata(recordTypes[type], text, expected)).toBe(true);
    expect(isSameRdata(recordTypes[type], text, `${expected}x`)).toBe(false);
  });
});
