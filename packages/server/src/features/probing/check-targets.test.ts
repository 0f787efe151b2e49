import { describe, expect, it } from "vitest";
import { parseCheckTarget } from "./check-targets.js";

describe("targets of nightbell check", () => {
  it.each([
    ["127.0.0.1", "icmp"],
    ["example.org", "icmp"],
    ["::1", "icmp"],
    ["icmp://example.org", "icmp"],
    ["tcp://127.0.0.1:5432", "tcp"],
    ["TCP://127.0.0.1:5432", "tcp"],
    ["udp://127.0.0.1:514", "udp"],
    ["ws://127.0.0.1:3000/live", "websocket"],
    ["wss://example.org", "websocket"],
    ["tls://example.org", "tls"],
    ["tls://example.org:8443", "tls"],
    ["http://127.0.0.1:3000/health", "http"],
    ["https://example.org", "http"],
    ["dns://9.9.9.9/example.org", "dns"],
  ])("takes %s as %s", (text, type) => {
    expect(parseCheckTarget(text, 5_000)).toMatchObject({ label: text, type, options: { timeoutMs: 5_000 } });
  });

  it.each([
    ["ftp://example.org", "there is no probe for ftp://; use icmp, tcp, udp, tls, http, https, ws, wss, dns"],
    ["127.0.0.1:5432", "for a TCP port write tcp://127.0.0.1:5432"],
    ["tcp://example.org", "port"],
    ["; rm -rf", "host name"],
    ["https://", "URL"],
  ])("says what is wrong with %s", (text, reason) => {
    expect(parseCheckTarget(text, 5_000)).toEqual({ reason: expect.stringContaining(reason) as string });
  });

  it("says what is wrong with the timeout", () => {
    expect(parseCheckTarget("127.0.0.1", 1)).toEqual({ reason: "the timeout must be at least 10 ms" });
  });
});
