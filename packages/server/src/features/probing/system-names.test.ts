import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { createSystemNames, parseHosts, parseSearch } from "./system-names.js";

describe("hosts file", () => {
  it("gives every name its addresses in the order of the lines", () => {
    const hosts = parseHosts(
      "127.0.0.1\tlocalhost Box # ours\n::1 localhost\n# 10.0.0.1 no\nnot-an-address x\n10.0.0.2\n",
    );
    expect(Object.fromEntries(hosts)).toEqual({ localhost: ["127.0.0.1", "::1"], box: ["127.0.0.1"] });
  });

  it("may hold anything", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseHosts(text)).toBeInstanceOf(Map);
      }),
    );
  });
});

describe("search list", () => {
  it("is the last line's, with ndots", () => {
    const text =
      "nameserver 10.0.0.1\nsearch a.example\nsearch b.example. c.example\noptions rotate ndots:5\n";
    expect(parseSearch(text)).toEqual({ domains: ["b.example", "c.example"], ndots: 5 });
    expect(parseSearch("")).toEqual({ domains: [], ndots: 1 });
  });
});

describe("system names", () => {
  const folder = mkdtempSync(join(tmpdir(), "nightbell-names-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("know localhost whatever the file says", () => {
    const names = createSystemNames({ hosts: join(folder, "none"), resolvConf: join(folder, "none") });
    expect(names.hostAddresses("localhost")).toEqual(["127.0.0.1", "::1"]);
    expect(names.hostAddresses("app.localhost")).toEqual(["127.0.0.1", "::1"]);
    expect(names.hostAddresses("other")).toEqual([]);
    expect(names.searchNames("other")).toEqual(["other"]);
  });

  it("try short names with the search list first, others last", () => {
    const resolvConf = join(folder, "resolv.conf");
    writeFileSync(resolvConf, "search ns.cluster.local\noptions ndots:2\n");
    const names = createSystemNames({ hosts: join(folder, "none"), resolvConf });
    expect(names.searchNames("web.ns")).toEqual(["web.ns.ns.cluster.local", "web.ns"]);
    expect(names.searchNames("a.b.example")).toEqual(["a.b.example", "a.b.example.ns.cluster.local"]);
  });

  it("notice a changed file", async () => {
    const hosts = join(folder, "hosts");
    writeFileSync(hosts, "10.0.0.1 box\n");
    const names = createSystemNames({ hosts, resolvConf: join(folder, "none") });
    expect(names.hostAddresses("box")).toEqual(["10.0.0.1"]);
    writeFileSync(hosts, "10.0.0.2 box\n");
    utimesSync(hosts, new Date(), new Date(Date.now() + 5_000));
    await expect.poll(() => names.hostAddresses("box"), { timeout: 3_000 }).toEqual(["10.0.0.2"]);
  });
});
