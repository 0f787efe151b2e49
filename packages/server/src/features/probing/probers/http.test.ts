import { type IncomingMessage } from "node:http";
import { createSecureServer, type ServerHttp2Stream } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { Socket } from "node:net";
import { HttpOptions } from "@nightbell/contract";
import { afterEach, describe, expect, it } from "vitest";
import { makeCertificate } from "../../../../test/certificates.js";
import { cancellationMs, overrunMs, PROMPT_MS } from "../../../../test/promptness.js";
import {
  closeServers,
  listen,
  openConnections,
  serveBytes,
  serveHttp,
  serveTcp,
} from "../../../../test/servers.js";
import { transports } from "../../../../test/transports.js";
import { createHttpProber } from "./http.js";
import type { SocketEngine } from "../sockets/index.js";
import { createTrust } from "./tls-handshake.js";

const authority = makeCertificate({ name: "Test Root", isAuthority: true });
const certificate = makeCertificate({ name: "good", hosts: ["localhost", "127.0.0.1"], issuer: authority });
const identity = { cert: certificate.pem, key: certificate.keyPem };
const trust = createTrust(authority.pem);
const ways = await transports();

function serveHttp2(onStream: (stream: ServerHttp2Stream) => void): Promise<number> {
  const server = createSecureServer(identity);
  server.on("sessionError", () => undefined);
  server.on("stream", (stream) => onStream(stream.on("error", () => undefined)));
  return listen(server);
}

const trickle = (socket: Socket, bytes: string) => {
  const timer = setInterval(() => socket.write(bytes), 10);
  socket.once("close", () => clearInterval(timer));
};

function probing(engine?: SocketEngine) {
  const prober = createHttpProber(trust, undefined, engine);
  return (target: string, options = {}, signal = new AbortController().signal) =>
    prober.probe({ target, options: HttpOptions.parse(options), slot: 0, seed: "" }, signal);
}

afterEach(closeServers);

describe.each(ways)("http over TCP through %s", (_, engine) => {
  const probe = probing(engine);

  it("measures to the last byte, in phases that make up the whole", async () => {
    const port = await serveHttp((_, response) => {
      response.write("first");
      setTimeout(() => response.end("last"), 30);
    });
    const outcome = await probe(`http://localhost:${port}/`);
    expect(outcome).toMatchObject({ status: "success", errorCode: null, address: "127.0.0.1" });
    expect(Object.keys(outcome.phases ?? {})).toEqual(["dns", "connect", "firstByte", "transfer"]);
    expect(outcome.phases?.["transfer"]).toBeGreaterThan(25);
    const sum = Object.values(outcome.phases ?? {}).reduce((total, ms) => total + ms, 0);
    expect(Math.abs(sum * 1_000 - (outcome.rttUs ?? 0))).toBeLessThan(10);
  });

  it("sends method, headers and body", async () => {
    let seen: { request: IncomingMessage; body: string } | undefined;
    const port = await serveHttp((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        seen = { request, body };
        response.end();
      });
    });
    const headers = { "X-Token": "one", Host: "virtual.example" };
    const outcome = await probe(`http://127.0.0.1:${port}/a?b=c`, { method: "PUT", headers, body: "hello" });
    expect(outcome).toMatchObject({ status: "success" });
    expect(seen).toMatchObject({ request: { method: "PUT", url: "/a?b=c" }, body: "hello" });
    expect(seen?.request.headers).toMatchObject({
      host: "virtual.example",
      "x-token": "one",
      "content-length": "5",
      "accept-encoding": "identity",
      connection: "close",
    });
  });

  it("opens a new connection every time and leaves none behind", async () => {
    const ports = new Set<number | undefined>();
    const port = await serveHttp((request, response) => {
      ports.add(request.socket.remotePort);
      response.end("x".repeat(100_000));
    });
    for (let i = 0; i < 3; i++) await probe(`http://127.0.0.1:${port}/`);
    expect(ports.size).toBe(3);
    await expect.poll(openConnections).toBe(0);
  });

  it("says which status was wrong, and still measures", async () => {
    const port = await serveHttp((_, response) => response.writeHead(503).end("busy"));
    const url = `http://127.0.0.1:${port}/`;
    expect(await probe(url)).toMatchObject({
      status: "missed",
      errorCode: "http_status",
      error: `GET ${url} answered 503, expected 200–299`,
      rttUs: expect.any(Number),
    });
    expect(await probe(url, { expectedStatuses: [200, 503] })).toMatchObject({ status: "success" });
    expect(await probe(url, { maxBodyBytes: 1 })).toMatchObject({ errorCode: "http_status", rttUs: null });
  });

  it("refuses a body that does not end", async () => {
    const port = await serveHttp((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write("x".repeat(16_384)));
      };
      response.on("drain", more);
      more();
    });
    expect(await probe(`http://127.0.0.1:${port}/`, { maxBodyBytes: 100_000 })).toMatchObject({
      status: "missed",
      errorCode: "http_body_too_large",
      error: `the body from 127.0.0.1:${port} has more than 100000 bytes`,
      rttUs: null,
    });
  });

  const malformed: [what: string, bytes: string, errorCode: string][] = [
    ["no HTTP at all", "220 ready\r\n", "http_malformed"],
    ["a status line that lies", "HTTP/1.1 abc OK\r\n\r\n", "http_malformed"],
    [
      "two framings at once",
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "http_malformed",
    ],
    ["chunks of no size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "http_malformed"],
    ["a bomb of headers", `HTTP/1.1 200 OK\r\nX: ${"x".repeat(200_000)}\r\n\r\n`, "http_malformed"],
    ["less than it announced", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", "connection_closed"],
    ["nothing", "", "connection_closed"],
    ["half a head", "HTTP/1.1 200 OK\r\nX: 1", "connection_closed"],
  ];
  it.each(malformed)("misses an answer with %s", async (_, bytes, errorCode) => {
    const outcome = await probe(`http://127.0.0.1:${await serveBytes(bytes)}/`);
    expect(outcome).toMatchObject({ status: "missed", errorCode });
  });

  it("reads a body that ends with the connection, and 101 as a status", async () => {
    expect(await probe(`http://127.0.0.1:${await serveBytes("HTTP/1.0 200 OK\r\n\r\nall")}/`)).toMatchObject({
      status: "success",
    });
    const upgrade = await serveBytes(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    );
    expect(await probe(`http://127.0.0.1:${upgrade}/`)).toMatchObject({ errorCode: "http_status" });
  });

  it("names a reset", async () => {
    const port = await serveTcp((socket) => socket.once("data", () => socket.resetAndDestroy()));
    expect(await probe(`http://127.0.0.1:${port}/`)).toMatchObject({
      errorCode: "connection_reset",
      error: `connection reset by 127.0.0.1:${port} (waiting for the answer)`,
    });
  });
});

describe("http over TLS", () => {
  const probe = probing();

  it("speaks HTTP/1.1 and HTTP/2 as offered", async () => {
    const h1 = await listen(createHttpsServer(identity, (_, response) => response.end("one")));
    const h2 = await serveHttp2((stream) => {
      stream.respond({ ":status": 200, "x-version": "2" });
      stream.end("two");
    });
    const assertions = [
      { kind: "body", contains: "two" },
      { kind: "header", name: "x-version", contains: "2" },
    ];
    expect(await probe(`https://localhost:${h1}/`)).toMatchObject({
      status: "success",
      phases: {
        dns: expect.any(Number),
        connect: expect.any(Number),
        tls: expect.any(Number),
        certificateDaysLeft: expect.any(Number),
      },
    });
    expect(await probe(`https://localhost:${h2}/`, { assertions })).toMatchObject({ status: "success" });
    expect(await probe(`https://localhost:${h2}/`, { version: "2" })).toMatchObject({ status: "success" });
    expect(await probe(`https://localhost:${h1}/`, { version: "2" })).toMatchObject({
      status: "missed",
      errorCode: "tls_handshake",
    });
    expect(await probe(`https://localhost:${h2}/`, { version: "1.1" })).toMatchObject({ status: "missed" });
  });

  it("sends a body over HTTP/2", async () => {
    let body = "";
    const port = await serveHttp2((stream) => {
      stream.on("data", (chunk: Buffer) => (body += chunk.toString()));
      stream.on("end", () => {
        stream.respond({ ":status": 204 }, { endStream: true });
      });
    });
    expect(await probe(`https://127.0.0.1:${port}/`, { method: "POST", body: "hello" })).toMatchObject({
      status: "success",
    });
    expect(body).toBe("hello");
  });

  it("misses an HTTP/2 stream or session that breaks off", async () => {
    const reset = await serveHttp2((stream) => stream.close(2));
    expect(await probe(`https://localhost:${reset}/`)).toMatchObject({ errorCode: "connection_reset" });
    const cut = await serveHttp2((stream) => {
      stream.respond({ ":status": 200 });
      stream.write("half", () => stream.session?.destroy());
    });
    expect(await probe(`https://localhost:${cut}/`)).toMatchObject({
      status: "missed",
      errorCode: expect.stringMatching(/^connection_(closed|reset)$/),
    });
  });

  it("judges the certificate unless told not to", async () => {
    const unknown = makeCertificate({ name: "localhost", hosts: ["localhost"] });
    const port = await listen(
      createHttpsServer({ cert: unknown.pem, key: unknown.keyPem }, (_, response) => response.end()),
    );
    expect(await probe(`https://localhost:${port}/`)).toMatchObject({ errorCode: "tls_self_signed" });
    expect(await probe(`https://localhost:${port}/`, { verifyTls: false })).toMatchObject({
      status: "success",
    });
  });

  it("recognises plain HTTP on the port", async () => {
    const port = await serveHttp((_, response) => response.end());
    expect(await probe(`https://127.0.0.1:${port}/`)).toMatchObject({
      errorCode: "tls_handshake",
      error: `127.0.0.1:${port} does not speak TLS`,
    });
  });
});

describe.each(ways)("http under a deadline through %s", (_, engine) => {
  const probe = probing(engine);
  const hanging: [what: string, onConnection: (socket: Socket) => void, during: string][] = [
    ["a silent server", () => undefined, "waiting for the answer"],
    [
      "a head that trickles",
      (socket) => (socket.write("HTTP/1.1 200 OK\r\n"), trickle(socket, "X-A: b\r\n")),
      "waiting for the answer",
    ],
    [
      "a body that trickles",
      (socket) => (socket.write("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"), trickle(socket, "x")),
      "in the middle of the body",
    ],
  ];
  it.each(hanging)("ends in time with %s, and when cancelled", async (_, onConnection, during) => {
    const port = await serveTcp((socket) => socket.once("data", () => onConnection(socket)));
    const url = `http://127.0.0.1:${port}/`;
    expect(await probe(url, { timeoutMs: 100 })).toMatchObject({
      status: "missed",
      errorCode: "timeout",
      error: `no answer from 127.0.0.1:${port} within 100 ms (${during})`,
    });
    expect(await overrunMs(100, () => probe(url, { timeoutMs: 100 }))).toBeLessThan(PROMPT_MS);
    expect(await cancellationMs((signal) => probe(url, {}, signal))).toBeLessThan(PROMPT_MS);
  });
});
