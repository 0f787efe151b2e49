import { createSocket, type RemoteInfo } from "node:dgram";
import { once } from "node:events";
import dnsPacket, { type Answer } from "dns-packet";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cancellationMs, overrunMs, PROMPT_MS } from "../../../test/promptness.js";
import { addressDenial } from "./address-rules.js";
import { type AddressFamily, resolveHost } from "./address.js";
import type { SystemNames } from "./system-names.js";

/** Records by `type name`; `silent` never answers, any other name does not exist. */
const zone: Record<string, string | undefined> = {
  "A dual.example": "127.0.0.2",
  "AAAA dual.example": "::1",
  "A four.example": "127.0.0.4",
  "AAAA six.example": "::1",
  "A rebinding.example": "169.254.169.254",
  "A slow-six.example": "127.0.0.5",
  "AAAA slow-six.example": "silent",
  "A silent.example": "silent",
  "AAAA silent.example": "silent",
  "A broken.example": "servfail",
  "AAAA broken.example": "servfail",
  "A half.example": "127.0.0.6",
  "AAAA half.example": "servfail",
  "A unroutable.example": "127.0.0.7",
  "AAAA unroutable.example": "fe80::1", // leads nowhere without a zone
  "A web.cluster.local": "127.0.0.8",
};

const names: SystemNames = {
  hostAddresses: (name) => (name === "printer" ? ["127.0.0.9", "::1"] : []),
  searchNames: (name) => (name.includes(".") ? [name] : [`${name}.cluster.local`, name]),
};

describe("resolveHost", () => {
  const server = createSocket("udp4");
  let servers: string[];

  beforeAll(async () => {
    server.on("message", (bytes: Buffer, from: RemoteInfo) => {
      const query = dnsPacket.decode(bytes);
      const { name = "", type = "A" } = query.questions?.[0] ?? {};
      const data = zone[`${type} ${name}`];
      if (data === "silent") return;
      const exists = Object.keys(zone).some((key) => key.endsWith(` ${name}`));
      const rcode = data === "servfail" ? 2 : exists ? 0 : 3;
      const isAddress = data !== undefined && rcode === 0;
      const answers: Answer[] = isAddress ? [{ type: type as "A", name, ttl: 1, data }] : [];
      const answer = dnsPacket.encode({
        type: "response",
        id: query.id ?? 0,
        flags: rcode,
        questions: query.questions ?? [],
        answers,
      });
      server.send(answer, from.port, from.address);
    });
    server.bind(0, "127.0.0.1");
    await once(server, "listening");
    servers = [`127.0.0.1:${server.address().port}`];
  });
  afterAll(() => server.close());

  const resolve = (
    host: string,
    family: AddressFamily = "auto",
    { timeoutMs = 2_000, signal = new AbortController().signal } = {},
  ) => resolveHost(host, family, { timeoutMs, signal, servers, names });

  it("prefers IPv6 when the name has it and there is a route", async () => {
    expect(await resolve("dual.example")).toEqual({ ok: true, address: "::1", family: 6 });
    expect(await resolve("dual.example", "ipv4")).toEqual({ ok: true, address: "127.0.0.2", family: 4 });
    expect(await resolve("four.example")).toEqual({ ok: true, address: "127.0.0.4", family: 4 });
    expect(await resolve("six.example")).toEqual({ ok: true, address: "::1", family: 6 });
  });

  it("takes IPv4 when this machine has no route for the IPv6 address", async () => {
    expect(await resolve("unroutable.example")).toEqual({ ok: true, address: "127.0.0.7", family: 4 });
  });

  it("does not let a broken answer about IPv6 hide a good IPv4 address", async () => {
    expect(await resolve("half.example")).toMatchObject({ ok: true, address: "127.0.0.6" });
    expect(await resolve("slow-six.example")).toMatchObject({ ok: true, address: "127.0.0.5" });
  });

  it("holds a missing name or address against the target, a failing resolver against us", async () => {
    expect(await resolve("nowhere.example")).toEqual({
      ok: false,
      code: "name_not_found",
      error: "the name nowhere.example does not exist",
    });
    expect(await resolve("four.example", "ipv6")).toEqual({
      ok: false,
      code: "name_not_found",
      error: "four.example has no IPv6 address",
    });
    expect(await resolve("broken.example")).toEqual({
      ok: false,
      code: "resolver",
      error: `our resolver (${servers[0]}) answered SERVFAIL for broken.example`,
    });
  });

  it("ends at its timeout and when cancelled", async () => {
    expect(await resolve("silent.example", "auto", { timeoutMs: 100 })).toMatchObject({
      ok: false,
      code: "resolver",
      error: expect.stringContaining("gave no answer in time"),
    });
    expect(await overrunMs(100, () => resolve("silent.example", "auto", { timeoutMs: 100 }))).toBeLessThan(
      PROMPT_MS,
    );
    expect(await cancellationMs((signal) => resolve("silent.example", "auto", { signal }))).toBeLessThan(
      PROMPT_MS,
    );
  });

  it("takes numeric addresses as they are, mapped ones as IPv4", async () => {
    expect(await resolve("::1")).toEqual({ ok: true, address: "::1", family: 6 });
    expect(await resolve("::ffff:7f00:1")).toEqual({ ok: true, address: "127.0.0.1", family: 4 });
    expect(await resolve("127.0.0.1", "ipv6")).toEqual({
      ok: false,
      code: "address_family",
      error: "127.0.0.1 is not an IPv6 address",
    });
  });

  it("takes the first line of the hosts file, then that of the family", async () => {
    expect(await resolve("printer")).toMatchObject({ address: "127.0.0.9" });
    expect(await resolve("printer", "ipv6")).toMatchObject({ address: "::1" });
  });

  it("completes short names by the search list", async () => {
    expect(await resolve("web")).toMatchObject({ ok: true, address: "127.0.0.8" });
    expect(await resolve("nowhere")).toMatchObject({ code: "name_not_found" });
  });

  it("applies the address rules to what a name resolves to", async () => {
    expect(await resolve("rebinding.example")).toEqual({
      ok: false,
      code: "address_denied",
      error:
        "probes may not reach 169.254.169.254: it is a link-local address, where cloud metadata services live",
    });
  });
});

const group = (high: number, low: number) => ((high << 8) | low).toString(16);

describe("address rules", () => {
  it.each([
    "127.0.0.1",
    "::1",
    "10.0.0.1",
    "192.168.1.1",
    "172.16.0.1",
    "100.64.0.1",
    "8.8.8.8",
    "fd00::1",
    "2001:db8::1",
    "::ffff:10.0.0.1",
    "64:ff9b::808:808",
    "240.0.0.1",
  ])("allow %s", (address) => expect(addressDenial(address)).toBeNull());

  it.each([
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "169.254.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "::ffff:168.63.129.16",
    "fd00:42::42",
    "224.0.0.1",
    "239.255.255.255",
    "255.255.255.255",
    "::",
    "fe80::1",
    "febf::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "ff02::1",
    "::ffff:169.254.169.254",
    "::ffff:0:169.254.169.254",
    "::169.254.169.254",
    "::ffff:0.0.0.0",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
  ])("deny %s", (address) => expect(addressDenial(address)).toContain(address));

  it("deny link-local addresses in every embedding", () => {
    fc.assert(
      fc.property(fc.nat(255), fc.nat(255), fc.constantFrom("::ffff:", "64:ff9b::", "::"), (c, d, prefix) => {
        expect(addressDenial(`169.254.${c}.${d}`)).not.toBeNull();
        expect(addressDenial(`${prefix}a9fe:${group(c, d)}`)).not.toBeNull();
        expect(addressDenial(`2002:a9fe:${group(c, d)}::`)).not.toBeNull();
      }),
    );
  });
});
