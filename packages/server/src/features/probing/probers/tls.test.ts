import { once } from "node:events";
import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import { createServer, type TlsOptions } from "node:tls";
import { TlsOptions as Options } from "@nightbell/contract";
import { afterEach, describe, expect, it } from "vitest";
import { cancellationMs, overrunMs, PROMPT_MS } from "../../../../test/promptness.js";
import { type Certificate, daysFromNow, makeCertificate } from "../../../../test/certificates.js";
import { createTlsProber } from "./tls.js";
import { createTrust } from "./tls-handshake.js";

const authority = makeCertificate({ name: "Test Root", isAuthority: true });
const intermediate = makeCertificate({ name: "Test Intermediate", isAuthority: true, issuer: authority });
const good = makeCertificate({ name: "good", hosts: ["localhost", "127.0.0.1"], issuer: authority });
const prober = createTlsProber(createTrust(authority.pem));

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as { port: number }).port;
}

function serve(certificate: Certificate, more: TlsOptions = {}): Promise<number> {
  const server = createServer({ cert: certificate.pem, key: certificate.keyPem, ...more }, (socket) =>
    socket.on("error", () => undefined),
  );
  return listen(server.on("tlsClientError", () => undefined));
}

function serveRaw(onConnection: (socket: Socket) => void): Promise<number> {
  return listen(createTcpServer((socket) => onConnection(socket.on("error", () => undefined))));
}

const probe = (port: number, options = {}, signal = new AbortController().signal) =>
  prober.probe({ target: `localhost:${port}`, options: Options.parse(options), slot: 0, seed: "" }, signal);

describe("tls", () => {
  it("measures the handshake of a valid certificate", async () => {
    const outcome = await probe(await serve(good));
    expect(outcome).toMatchObject({ status: "success", error: null, address: "127.0.0.1" });
    expect(outcome.phases).toEqual({
      dns: expect.any(Number),
      connect: expect.any(Number),
      handshake: expect.any(Number),
      certificateDaysLeft: expect.any(Number),
    });
    expect(outcome.phases?.["certificateDaysLeft"]).toBeGreaterThan(0);
    expect(outcome.rttUs).toBeCloseTo((outcome.phases?.["handshake"] ?? 0) * 1_000, 0);
  });

  it("checks an address against the addresses of the certificate", async () => {
    const port = await serve(good);
    const request = { options: Options.parse({}), slot: 0, seed: "" };
    const signal = new AbortController().signal;
    expect(await prober.probe({ ...request, target: `127.0.0.1:${port}` }, signal)).toMatchObject({
      status: "success",
    });
  });

  const wrong: [what: string, certificate: Certificate, errorCode: string, error: RegExp][] = [
    [
      "expired",
      makeCertificate({ name: "old", hosts: ["localhost"], issuer: authority, validTo: daysFromNow(-3.5) }),
      "tls_expired",
      /^the certificate of localhost expired 3 days ago$/,
    ],
    [
      "not yet valid",
      makeCertificate({ name: "new", hosts: ["localhost"], issuer: authority, validFrom: daysFromNow(1.5) }),
      "tls_not_yet_valid",
      /^the certificate of localhost becomes valid in 1 day$/,
    ],
    [
      "self-signed",
      makeCertificate({ name: "localhost", hosts: ["localhost"] }),
      "tls_self_signed",
      /^the certificate of localhost is self-signed$/,
    ],
    [
      "for another name",
      makeCertificate({ name: "other", hosts: ["other.example", "10.0.0.5"], issuer: authority }),
      "tls_name_mismatch",
      /^the certificate is for other.example, 10.0.0.5, not for localhost$/,
    ],
    [
      "of an unknown authority",
      makeCertificate({
        name: "rogue",
        hosts: ["localhost"],
        issuer: makeCertificate({ name: "Rogue Root", isAuthority: true }),
      }),
      "tls_untrusted",
      /authority is unknown or an intermediate certificate is missing$/,
    ],
    [
      "without its intermediate",
      makeCertificate({ name: "deep", hosts: ["localhost"], issuer: intermediate }),
      "tls_untrusted",
      /intermediate certificate is missing$/,
    ],
  ];
  it.each(wrong)("says that a certificate is %s, and still measures", async (_, certificate, code, error) => {
    const port = await serve(certificate);
    const outcome = await probe(port);
    expect(outcome).toMatchObject({ status: "missed", errorCode: code, error: expect.stringMatching(error) });
    expect(outcome.rttUs).toBeGreaterThan(0);
    expect(await probe(port, { verify: false })).toMatchObject({ status: "success" });
  });

  it("accepts a chain that is complete", async () => {
    const leaf = makeCertificate({ name: "deep", hosts: ["localhost"], issuer: intermediate });
    expect(await probe(await serve({ ...leaf, pem: leaf.pem + intermediate.pem }))).toMatchObject({
      status: "success",
    });
  });

  it("names the certificate of the chain that expired", async () => {
    const old = makeCertificate({
      name: "Old Intermediate",
      isAuthority: true,
      issuer: authority,
      validTo: daysFromNow(-2.5),
    });
    const leaf = makeCertificate({ name: "deep", hosts: ["localhost"], issuer: old });
    expect(await probe(await serve({ ...leaf, pem: leaf.pem + old.pem }))).toMatchObject({
      errorCode: "tls_expired",
      error: "the certificate of Old Intermediate, in the chain of localhost, expired 2 days ago",
    });
  });

  it("warns before a certificate expires", async () => {
    const soon = makeCertificate({
      name: "soon",
      hosts: ["localhost"],
      issuer: authority,
      validTo: daysFromNow(5.5),
    });
    const port = await serve(soon);
    expect(await probe(port, { minDaysLeft: 14 })).toMatchObject({
      status: "missed",
      errorCode: "tls_expires_soon",
      error: "the certificate of localhost expires in 5 days, fewer than 14",
      rttUs: expect.any(Number),
    });
    expect(await probe(port, { minDaysLeft: 5 })).toMatchObject({ status: "success" });
  });

  it("sends and checks the stated name", async () => {
    const port = await serve(good);
    expect(await probe(port, { serverName: "elsewhere.example" })).toMatchObject({
      errorCode: "tls_name_mismatch",
      error: "the certificate is for localhost, 127.0.0.1, not for elsewhere.example",
    });
  });

  it("recognises a port that does not speak TLS", async () => {
    const port = await serveRaw((socket) => socket.end("220 mail.example ESMTP ready\r\n"));
    expect(await probe(port)).toMatchObject({
      status: "missed",
      errorCode: "tls_handshake",
      error: `127.0.0.1:${port} does not speak TLS`,
    });
  });

  it("tells a reset from a close in mid-handshake", async () => {
    const reset = await serveRaw((socket) => socket.once("data", () => socket.resetAndDestroy()));
    expect(await probe(reset)).toMatchObject({
      errorCode: "connection_reset",
      error: `connection reset by 127.0.0.1:${reset} (during the TLS handshake)`,
    });
    const close = await serveRaw((socket) => socket.once("data", () => socket.end()));
    expect(await probe(close)).toMatchObject({
      errorCode: "connection_closed",
      error: `127.0.0.1:${close} closed the connection (during the TLS handshake)`,
    });
  });

  it("reports a handshake the server refuses", async () => {
    const port = await serve(good, { minVersion: "TLSv1.3", maxVersion: "TLSv1.3", ALPNProtocols: ["x"] });
    expect(await probe(port)).toMatchObject({ status: "success" });
    const mutual = await serve(good, { maxVersion: "TLSv1.2", requestCert: true, rejectUnauthorized: true });
    expect(await probe(mutual)).toMatchObject({ status: "missed" });
  });

  it("gives up on a silent server at the timeout and at a cancellation", async () => {
    const port = await serveRaw(() => undefined);
    expect(await probe(port, { timeoutMs: 100 })).toMatchObject({
      status: "missed",
      errorCode: "timeout",
      error: `no answer from 127.0.0.1:${port} within 100 ms (during the TLS handshake)`,
    });
    expect(await overrunMs(100, () => probe(port, { timeoutMs: 100 }))).toBeLessThan(PROMPT_MS);
    expect(await cancellationMs((signal) => probe(port, {}, signal))).toBeLessThan(PROMPT_MS);
  });
});
