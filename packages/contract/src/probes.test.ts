import { describe, expect, it } from "vitest";
import {
  DnsOptions,
  ErrorCode,
  HttpOptions,
  optionsByType,
  statusOfError,
  TlsOptions,
  UdpOptions,
  WebSocketOptions,
} from "./probes.js";

const reasons = (result: { error?: { issues: { path: PropertyKey[]; message: string }[] } }) =>
  result.error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);

describe("probe options", () => {
  it("have defaults for everything", () => {
    for (const options of Object.values(optionsByType)) {
      expect(options.parse({})).toMatchObject({ timeoutMs: 5_000 });
      expect(options.safeParse({ unknown: 1 }).success).toBe(false);
    }
  });

  it("name the header and the reason", () => {
    const headers = { "Content-Length": "5", "Bad Name": "x", "X-Line": "a\r\nb", "X-Good": "ok" };
    expect(reasons(HttpOptions.safeParse({ headers }))).toEqual([
      "headers.X-Line: must not contain control characters",
      "headers.Content-Length: is set by the probe itself",
      "headers.Bad Name: must be a header name",
    ]);
  });

  it.each([
    [
      { payload: "0a F", payloadFormat: "hex" },
      "payload: must be pairs of hexadecimal digits, such as 0a ff",
    ],
    [{ payload: "00".repeat(1_401), payloadFormat: "hex" }, "payload: must have at most 1400 bytes"],
    [{ payload: "x".repeat(1_401) }, "payload: must have at most 1400 characters"],
    [{ expect: "contains" }, "expected: must say what the answer is compared with"],
    [
      { expect: "hexPrefix", expected: "pong" },
      "expected: must be pairs of hexadecimal digits, such as 0a ff",
    ],
  ])("of udp refuse %j", (options, reason) => {
    expect(reasons(UdpOptions.safeParse(options))).toEqual([reason]);
  });

  it("of udp take text and bytes", () => {
    expect(UdpOptions.safeParse({ payload: "00 ff\n0A", payloadFormat: "hex" }).success).toBe(true);
    expect(UdpOptions.safeParse({ payload: "x".repeat(1_400) }).success).toBe(true);
    expect(UdpOptions.safeParse({ expect: "hexPrefix", expected: "0aff" }).success).toBe(true);
  });

  it("of websocket leave the handshake to the probe", () => {
    expect(reasons(WebSocketOptions.safeParse({ headers: { "Sec-WebSocket-Key": "x" } }))).toEqual([
      "headers.Sec-WebSocket-Key: is set by the probe itself",
    ]);
    expect(reasons(WebSocketOptions.safeParse({ subprotocol: "two words" }))).toEqual([
      "subprotocol: must be a name without blanks, such as mqtt",
    ]);
  });

  it("refuse server names that are none", () => {
    expect(TlsOptions.safeParse({ serverName: "example.org" }).success).toBe(true);
    expect(reasons(TlsOptions.safeParse({ serverName: "a b" }))).toEqual([
      "serverName: must be a host name or an IP address",
    ]);
  });

  it("bound what a probe may cost", () => {
    expect(reasons(HttpOptions.safeParse({ timeoutMs: 0 }))).toEqual(["timeoutMs: must be at least 10 ms"]);
    const headers = Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`x-${index}`, ""]));
    expect(reasons(HttpOptions.safeParse({ headers }))).toEqual(["headers: must have at most 50 headers"]);
    expect(HttpOptions.safeParse({ maxBodyBytes: 1e9 }).success).toBe(false);
    expect(HttpOptions.safeParse({ maxRedirects: 21 }).success).toBe(false);
    expect(DnsOptions.safeParse({ recordType: "AXFR" }).success).toBe(false);
  });
});

describe("error codes", () => {
  it("say whose fault they are", () => {
    expect(statusOfError("timeout")).toBe("missed");
    expect(statusOfError("name_not_found")).toBe("missed");
    expect(statusOfError("resolver")).toBe("system_error");
    expect(statusOfError("cancelled")).toBe("system_error");
    expect(new Set(ErrorCode.options.map(statusOfError)).size).toBe(2);
  });
});
