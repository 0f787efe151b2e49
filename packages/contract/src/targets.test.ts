import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalHost, isIpv4, isIpv6 } from "./hosts.js";
import { JobType } from "./probes.js";
import { parseTarget, targetHints, targetSchema } from "./targets.js";

const target = (type: JobType, text: string) => {
  const result = parseTarget(type, text);
  if (!result.ok) throw new Error(result.message);
  return result.target;
};
const message = (type: JobType, text: string) => {
  const result = parseTarget(type, text);
  return result.ok ? undefined : result.message;
};

function everyOne(texts: fc.Arbitrary<string>, check: (text: string) => void): void {
  fc.assert(
    fc.property(texts, (text) => {
      check(text);
    }),
  );
}

describe("hosts", () => {
  it.each([
    ["Example.ORG", "example.org"],
    ["example.org.", "example.org"],
    ["_dmarc.example.org", "_dmarc.example.org"],
    ["münchen.example", "xn--mnchen-3ya.example"],
    ["ｅｘａｍｐｌｅ．org", "example.org"],
    ["xn--mnchen-3ya.example", "xn--mnchen-3ya.example"],
    ["db", "db"],
    ["1e3", "1e3"],
    ["4.3.2.1.in-addr.arpa", "4.3.2.1.in-addr.arpa"],
    ["192.0.2.1", "192.0.2.1"],
    ["2001:DB8:0:0::1", "2001:db8::1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["::ffff:127.0.0.1", "::ffff:7f00:1"],
    [`${"a".repeat(63)}.example`, `${"a".repeat(63)}.example`],
  ])("%s is %s", (text, host) => expect(canonicalHost(text)).toBe(host));

  it.each([
    "",
    ".",
    "..",
    "a..b",
    "; rm",
    "-f",
    "a;b",
    "$(id)",
    "`id`",
    "a b",
    "a\nb",
    "a\0b",
    "a/b",
    "a@b",
    "a#b",
    "a?b",
    "a%20b",
    "-a.example",
    "a-.example",
    "a".repeat(64),
    "a".repeat(300),
    `${"a.".repeat(127)}example`,
    "127.1",
    "0x7f.1",
    "0x7f000001",
    "2130706433",
    "127.0.0.01",
    "256.1.1.1",
    "1.2.3.4.5",
    "1.2.3",
    "１２７.0.0.1",
    "①.②.③.④",
    "fe80::1%eth0",
    "fe80::1%25eth0",
    "1::2::3",
    ":::",
    "::1]",
    "[::1",
    "[]",
    "a／b",
    "a＠b",
    "\u200b",
    "\ud800",
  ])("%j is none", (text) => expect(canonicalHost(text)).toBeNull());

  it("are canonical once and for all, and plain ASCII", () => {
    const hostile = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.domain(),
      fc.ipV4(),
      fc.ipV4Extended(),
      fc.ipV6(),
    );
    fc.assert(
      fc.property(hostile, (text) => {
        const host = canonicalHost(text);
        fc.pre(host !== null);
        expect(canonicalHost(host)).toBe(host);
        expect(host).toMatch(/^[a-z0-9._-]{1,253}$|^[0-9a-f:]+$/);
      }),
      { numRuns: 2_000 },
    );
  });

  it("include every address", () => {
    everyOne(fc.ipV4(), (address) => expect(canonicalHost(address)).toBe(address));
    everyOne(fc.ipV6(), (address) => expect(canonicalHost(`[${address}]`)).not.toBeNull());
    everyOne(fc.domain(), (name) => expect(canonicalHost(name)).toBe(name.toLowerCase()));
    expect([isIpv4("192.0.2.1"), isIpv4("::1"), isIpv6("::1"), isIpv6("192.0.2.1")]).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });
});

describe("targets", () => {
  it.each([
    ["icmp", " 192.0.2.10 ", { type: "icmp", host: "192.0.2.10" }],
    ["icmp", "icmp://Example.org", { type: "icmp", host: "example.org" }],
    ["icmp", "2001:db8::1", { type: "icmp", host: "2001:db8::1" }],
    ["latency_api", "192.0.2.10", { type: "latency_api", host: "192.0.2.10" }],
    ["heartbeat", " nightly backup @ db1 ", { type: "heartbeat", name: "nightly backup @ db1" }],
    ["tcp", "db:5432", { type: "tcp", host: "db", port: 5432 }],
    ["tcp", "TCP://db:5432/", { type: "tcp", host: "db", port: 5432 }],
    ["tcp", "[2001:db8::1]:22", { type: "tcp", host: "2001:db8::1", port: 22 }],
    ["udp", "udp://Logs.example:514", { type: "udp", host: "logs.example", port: 514 }],
    ["udp", "[::1]:514", { type: "udp", host: "::1", port: 514 }],
    ["tls", "example.org", { type: "tls", host: "example.org", port: 443 }],
    ["tls", "tls://example.org:8443", { type: "tls", host: "example.org", port: 8443 }],
    ["tls", "2001:db8::1", { type: "tls", host: "2001:db8::1", port: 443 }],
    ["http", "HTTPS://Example.org", { type: "http", url: "https://example.org/" }],
    ["http", "http://127.0.0.1:8080/a?b=c", { type: "http", url: "http://127.0.0.1:8080/a?b=c" }],
    ["websocket", "WSS://Example.org/live?a=b", { type: "websocket", url: "wss://example.org/live?a=b" }],
    ["websocket", "ws://127.0.0.1:80", { type: "websocket", url: "ws://127.0.0.1/" }],
    // The URL standard reads these spellings of 127.0.0.1; what is stored and checked is the address.
    ["http", "http://0x7f.1/", { type: "http", url: "http://127.0.0.1/" }],
    ["dns", "example.org", { type: "dns", name: "example.org", server: null, port: 53 }],
    ["dns", "dns://example.org/", { type: "dns", name: "example.org", server: null, port: 53 }],
    [
      "dns",
      "dns://192.0.2.53/example.org",
      { type: "dns", name: "example.org", server: "192.0.2.53", port: 53 },
    ],
    ["dns", "dns://[::1]:5353/a.example", { type: "dns", name: "a.example", server: "::1", port: 5353 }],
    ["dns", "dns://::1/a.example", { type: "dns", name: "a.example", server: "::1", port: 53 }],
    ["dns", "dns://ns.example/.", { type: "dns", name: ".", server: "ns.example", port: 53 }],
  ] as const)("%s %s", (type, text, expected) => expect(target(type, text)).toEqual(expected));

  it.each([
    ["tcp", "db", "needs a port, such as example.org:5432"],
    ["tcp", "db:0", "the port must be between 1 and 65535"],
    ["tcp", "db:65536", "the port must be between 1 and 65535"],
    ["tcp", "db:http", "must be a host name or an IP address with a port, such as example.org:443"],
    ["tcp", "::1", "an IPv6 address with a port needs brackets: [2001:db8::1]:443"],
    ["http", "example.org", "must start with http:// or https://"],
    ["http", "ftp://example.org", "must start with http:// or https://"],
    ["http", "http://", "must be a URL such as https://example.org/health"],
    ["http", "http://a b/", "must be a URL such as https://example.org/health"],
    ["http", "http://user:pw@h/", "must not contain a user name or password; use an Authorization header"],
    ["http", "http://h:0/", "the port must be between 1 and 65535"],
    ["http", "http://a..b/", "the host of the URL must be a host name or an IP address"],
    ["udp", "db", "needs a port, such as example.org:5432"],
    ["websocket", "https://example.org", "must start with ws:// or wss://"],
    ["websocket", "wss://", "must be a URL such as wss://example.org/live"],
    ["websocket", "ws://example.org/#a", "must not contain a fragment, the part after #"],
    ["websocket", "ws://user:pw@h/", "must not contain a user name or password; use an Authorization header"],
    ["dns", "192.0.2.1", "must be a DNS name such as example.org"],
    ["dns", "dns://a/b/c", "must be a DNS name such as example.org"],
    [
      "dns",
      "dns:///example.org",
      "must be a host name or an IP address with a port, such as example.org:443",
    ],
    ["icmp", "   ", "must not be empty"],
    ["icmp", "x".repeat(2_001), "must have at most 2000 characters"],
    ["icmp", "; rm -rf /", "must be a host name or an IP address"],
    ["icmp", "-f", "must be a host name or an IP address"],
    ["icmp", "a".repeat(300), "must be a host name or an IP address"],
  ] as const)("%s %s: %s", (type, text, expected) => expect(message(type, text)).toBe(expected));

  it("never throw, whatever a person types", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 400 }),
      fc.webUrl({ withQueryParameters: true }),
      fc
        .tuple(
          fc.constantFrom("tcp://", "udp://", "wss://", "dns://", "tls://", "http://", "https://[", "["),
          fc.string(),
        )
        .map((all) => all.join("")),
    );
    fc.assert(
      fc.property(fc.constantFrom(...JobType.options), text, (type, typed) => {
        const result = parseTarget(type, typed);
        expect(targetSchema(type).safeParse(typed).success).toBe(result.ok);
      }),
      { numRuns: 2_000 },
    );
  });

  it("accept the examples that forms show", () => {
    for (const type of JobType.options) expect(message(type, targetHints[type].example)).toBeUndefined();
  });
});
