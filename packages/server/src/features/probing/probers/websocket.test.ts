import { createHash } from "node:crypto";
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { createServer as createTlsServer } from "node:tls";
import { ErrorCode, WebSocketOptions } from "@nightbell/contract";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { makeCertificate } from "../../../../test/certificates.js";
import { cancellationMs, overrunMs, PROMPT_MS } from "../../../../test/promptness.js";
import { closeServers, listen, openConnections, serveHttp, serveTcp } from "../../../../test/servers.js";
import { createTrust } from "./tls-handshake.js";
import { createWebSocketProber } from "./websocket.js";

afterEach(closeServers);

const authority = makeCertificate({ name: "Test Root", isAuthority: true });
const certificate = makeCertificate({ name: "good", hosts: ["localhost"], issuer: authority });
const prober = createWebSocketProber(createTrust(authority.pem));
const probe = (target: string, options = {}, signal = new AbortController().signal) =>
  prober.probe({ target, options: WebSocketOptions.parse(options), slot: 0, seed: "" }, signal);
const ask = (port: number, options = {}) => probe(`ws://127.0.0.1:${port}/`, options);

/** The answer to a key (RFC 6455, 4.2.2). */
const acceptOf = (request: string) =>
  createHash("sha1")
    .update(`${/sec-websocket-key: (.*)\r/i.exec(request)?.[1]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest("base64");

const upgrade = (request: string, more = "", accept = acceptOf(request)) =>
  `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${more}\r\n`;

/** Accepts the handshake and sends these bytes; says nothing more, and closes when told to. */
function serveFrames(bytes: Buffer, ends = false): Promise<number> {
  return serveTcp((socket) =>
    socket.once("data", (request) => {
      socket.write(Buffer.concat([Buffer.from(upgrade(request.toString())), bytes]));
      if (ends) socket.end();
    }),
  );
}

/** Answers the handshake with what is made of the request. */
const serveHandshake = (answer: (request: string) => string) =>
  serveTcp((socket) => socket.once("data", (request) => socket.write(answer(request.toString()))));

const TEXT = 0x1;
const CONTINUATION = 0x0;
const CLOSE = 0x8;
const FIN = 0x80;

/** A frame of a server (RFC 6455, 5.2): first byte, length, content. */
function frame(first: number, content: string | Buffer): Buffer {
  const payload = Buffer.from(content);
  const length = Buffer.alloc(payload.length < 126 ? 1 : payload.length < 65_536 ? 3 : 9);
  if (length.length === 1) length.writeUInt8(payload.length);
  else if (length.length === 3) {
    length.writeUInt8(126);
    length.writeUInt16BE(payload.length, 1);
  } else {
    length.writeUInt8(127);
    length.writeBigUInt64BE(BigInt(payload.length), 1);
  }
  return Buffer.concat([Buffer.from([first]), length, payload]);
}

const text = (content: string) => frame(FIN | TEXT, content);
const status = (code: number, reason = "") =>
  Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]);

/** A server that keeps to the protocol; `onOpen` is given each WebSocket. */
async function serveWell(onOpen: (socket: WebSocket, request: IncomingMessage) => void = () => undefined) {
  const closedWith: number[] = [];
  const server = createHttpServer();
  const sockets = new WebSocketServer({ server, handleProtocols: (offered) => [...offered].at(-1) ?? false });
  sockets.on("connection", (socket, request) => {
    socket.on("close", (code) => closedWith.push(code));
    onOpen(socket, request);
  });
  return { port: await listen(server), closedWith };
}

describe("websocket", () => {
  it("opens, asks by a ping, and measures to its answer, in phases that make up the whole", async () => {
    const { port, closedWith } = await serveWell();
    const outcome = await probe(`ws://localhost:${port}/live?a=b`);
    expect(outcome).toMatchObject({ status: "success", errorCode: null, address: "127.0.0.1" });
    expect(Object.keys(outcome.phases ?? {})).toEqual(["dns", "connect", "upgrade", "ping"]);
    const sum = Object.values(outcome.phases ?? {}).reduce((total, ms) => total + ms, 0);
    expect(Math.abs(sum * 1_000 - (outcome.rttUs ?? 0))).toBeLessThan(10);
    await expect.poll(() => closedWith).toEqual([1_000]);
    await expect.poll(openConnections).toBe(0);
  });

  it("sends a message and measures to the first one that comes back", async () => {
    const { port } = await serveWell((socket) =>
      socket.on("message", (message) => socket.send(`you said ${(message as Buffer).toString()}`)),
    );
    const outcome = await ask(port, { message: "grün" });
    expect(outcome).toMatchObject({ status: "success" });
    expect(Object.keys(outcome.phases ?? {})).toEqual(["connect", "upgrade", "message"]);
    expect(await ask(port, { message: "grün", expected: "said grün" })).toMatchObject({ status: "success" });
  });

  it("waits for a greeting when it only expects something, passing others over", async () => {
    const { port } = await serveWell((socket) => {
      socket.send("hello");
      socket.send(Buffer.from("binary ready"));
    });
    expect(await ask(port, { expected: "ready" })).toMatchObject({ status: "success" });
    expect(await ask(port, { expected: "never", timeoutMs: 200 })).toMatchObject({
      status: "missed",
      errorCode: "answer_mismatch",
      error: `127.0.0.1:${port} sent 2 messages within 200 ms, none with “never” in it; the last was “binary ready”`,
      rttUs: null,
    });
  });

  it("sends headers and the subprotocol, and says nothing of redirects or compression", async () => {
    const seen: IncomingMessage[] = [];
    const { port } = await serveWell((_, request) => seen.push(request));
    const headers = { Authorization: "Bearer x", Host: "virtual.example", Origin: "https://example.org" };
    expect(await ask(port, { headers, subprotocol: "mqtt" })).toMatchObject({ status: "success" });
    expect(seen[0]?.headers).toMatchObject({
      authorization: "Bearer x",
      host: "virtual.example",
      origin: "https://example.org",
      "user-agent": "Nightbell",
      "sec-websocket-protocol": "mqtt",
      "sec-websocket-version": "13",
    });
    expect(seen[0]?.headers).not.toHaveProperty("sec-websocket-extensions");
  });

  it("speaks TLS, and checks the certificate unless told not to", async () => {
    const identity = { cert: certificate.pem, key: certificate.keyPem };
    const port = await listen(
      createTlsServer(identity, (socket) =>
        socket
          .on("error", () => undefined)
          .once("data", (request) =>
            socket.write(Buffer.concat([Buffer.from(upgrade(request.toString())), text("hi")])),
          ),
      ),
    );
    const good = await probe(`wss://localhost:${port}/`, { expected: "hi" });
    expect(good).toMatchObject({ status: "success" });
    const phases = ["dns", "connect", "tls", "certificateDaysLeft", "upgrade", "message"];
    expect(Object.keys(good.phases ?? {})).toEqual(phases);
    const wrongName = `wss://127.0.0.1:${port}/`;
    expect(await probe(wrongName, { expected: "hi" })).toMatchObject({
      status: "missed",
      errorCode: "tls_name_mismatch",
    });
    expect(await probe(wrongName, { expected: "hi", verifyTls: false })).toMatchObject({ status: "success" });
  });
});

describe("a WebSocket that is not opened", () => {
  it.each([
    [403, {}, "answered 403, expected 101 to open a WebSocket"],
    [200, {}, "answered 200, expected 101 to open a WebSocket"],
    [
      302,
      { location: "wss://elsewhere.example/" },
      "answered 302, expected 101 to open a WebSocket (it redirects to wss://elsewhere.example/; make that the target)",
    ],
  ])("says that the server answered %i", async (code, headers, error) => {
    const port = await serveHttp((_, response) => response.writeHead(code, headers).end("no"));
    expect(await ask(port)).toMatchObject({
      status: "missed",
      errorCode: "websocket_handshake",
      error: `ws://127.0.0.1:${port}/ ${error}`,
      rttUs: null,
    });
  });

  const wrong: [what: string, answer: (request: string) => string, errorCode: string, error: RegExp][] = [
    [
      "accepts another key",
      (request) => upgrade(request, "", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
      "websocket_handshake",
      /opened no WebSocket: its Sec-WebSocket-Accept is not the one of our key$/,
    ],
    [
      "upgrades to something else",
      (request) => upgrade(request).replace("Upgrade: websocket", "Upgrade: h2c"),
      "websocket_handshake",
      /it does not upgrade to websocket$/,
    ],
    [
      "chooses a subprotocol unasked",
      (request) => upgrade(request, "Sec-WebSocket-Protocol: chat\r\n"),
      "websocket_handshake",
      /it chose a subprotocol, although none was asked for$/,
    ],
    [
      "uses an extension unasked",
      (request) => upgrade(request, "Sec-WebSocket-Extensions: permessage-deflate\r\n"),
      "websocket_handshake",
      /it uses an extension, although none was asked for$/,
    ],
    ["speaks no HTTP", () => "220 ready\r\n\r\n", "http_malformed", /sent what is not HTTP\/1\.1/],
    [
      "sends a bomb of headers",
      (request) => upgrade(request, `X: ${"x".repeat(200_000)}\r\n`),
      "http_malformed",
      /sent what is not HTTP\/1\.1/,
    ],
  ];
  it.each(wrong)("says that the server %s", async (_, answer, errorCode, error) => {
    expect(await ask(await serveHandshake(answer))).toMatchObject({
      status: "missed",
      errorCode,
      error: expect.stringMatching(error),
    });
  });

  it("says that the subprotocol was not chosen", async () => {
    const none = await serveHandshake((request) => upgrade(request));
    expect(await ask(none, { subprotocol: "mqtt" })).toMatchObject({
      errorCode: "websocket_handshake",
      error: expect.stringMatching(/it did not choose the subprotocol that was asked for$/),
    });
    const other = await serveHandshake((request) => upgrade(request, "Sec-WebSocket-Protocol: chat\r\n"));
    expect(await ask(other, { subprotocol: "mqtt" })).toMatchObject({
      errorCode: "websocket_handshake",
      error: expect.stringMatching(/it chose a subprotocol that was not asked for$/),
    });
  });

  it("tells a close from a reset and from silence", async () => {
    const closing = await serveTcp((socket) => socket.once("data", () => socket.end()));
    expect(await ask(closing)).toMatchObject({ status: "missed", errorCode: "connection_closed" });
    const resetting = await serveTcp((socket) => socket.once("data", () => socket.resetAndDestroy()));
    expect(await ask(resetting)).toMatchObject({ status: "missed", errorCode: "connection_reset" });
    const silent = await serveTcp(() => undefined);
    expect(await ask(silent, { timeoutMs: 200 })).toMatchObject({
      status: "missed",
      errorCode: "timeout",
      error: `no answer from 127.0.0.1:${silent} within 200 ms (during the opening handshake)`,
    });
    expect(await overrunMs(50, () => ask(silent, { timeoutMs: 50 }))).toBeLessThan(PROMPT_MS);
    expect(await cancellationMs((signal) => probe(`ws://127.0.0.1:${silent}/`, {}, signal))).toBeLessThan(
      PROMPT_MS,
    );
    await expect.poll(openConnections).toBe(0);
  });

  it("hears of a closed port, and keeps away from addresses that no probe may reach", async () => {
    expect(await ask(1)).toMatchObject({ status: "missed", errorCode: "connection_refused" });
    expect(await probe("ws://169.254.169.254/")).toMatchObject({ errorCode: "address_denied" });
  });
});

describe("a WebSocket that breaks", () => {
  const malformed: [what: string, bytes: Buffer, error: RegExp][] = [
    ["reserved bits", frame(FIN | 0x40 | TEXT, "x"), /RSV1 must be clear/],
    ["an opcode that is none", frame(FIN | 0x3, "x"), /invalid opcode 3/],
    ["a continuation of nothing", frame(FIN | CONTINUATION, "x"), /invalid opcode 0/],
    ["a masked frame", Buffer.from([FIN | TEXT, 0x80 | 1, 0, 0, 0, 0, 0x78]), /MASK must be clear/],
    ["a ping in pieces", frame(0x9, "x"), /FIN must be set/],
    ["a ping too long", frame(FIN | 0x9, "x".repeat(126)), /invalid payload length 126/],
    ["text that is not UTF-8", frame(FIN | TEXT, Buffer.from([0xc3, 0x28])), /invalid UTF-8/],
    ["a close with a status that is none", frame(FIN | CLOSE, status(1_005)), /invalid status code 1005/],
    ["a close with half a status", frame(FIN | CLOSE, Buffer.from([3])), /invalid payload length 1/],
  ];
  it.each(malformed)("by %s", async (_, bytes, error) => {
    expect(await ask(await serveFrames(bytes))).toMatchObject({
      status: "missed",
      errorCode: "websocket_malformed",
      error: expect.stringMatching(error),
    });
  });

  it.each([
    ["announced", Buffer.from([FIN | 0x2, 127, 0, 0, 0, 0, 0, 0x10, 0, 1])],
    ["of a size beyond all numbers", Buffer.from([FIN | 0x2, 127, ...Array.from({ length: 8 }, () => 0xff)])],
    [
      "in pieces",
      Buffer.concat([frame(TEXT, "x".repeat(600_000)), frame(CONTINUATION, "x".repeat(600_000))]),
    ],
  ])("by a message too large, %s", async (_, bytes) => {
    expect(await ask(await serveFrames(bytes))).toMatchObject({
      status: "missed",
      errorCode: "websocket_message_too_large",
      error: expect.stringMatching(/sent a message of more than 1048576 bytes$/),
    });
  });

  it.each([
    [
      "with its status and reason",
      frame(FIN | CLOSE, status(1_008, "no token")),
      /with status 1008, “no token” \(/,
    ],
    ["without a status", frame(FIN | CLOSE, ""), /closed the WebSocket without a status \(/],
  ])("by a close, told %s", async (_, bytes, error) => {
    expect(await ask(await serveFrames(bytes))).toMatchObject({
      status: "missed",
      errorCode: "websocket_closed",
      error: expect.stringMatching(error),
    });
  });

  it.each([
    ["nothing", Buffer.alloc(0)],
    ["half a frame", text("never whole").subarray(0, 5)],
    ["a message in pieces without its end", frame(TEXT, "first")],
  ])("by the end of the connection after %s", async (_, bytes) => {
    expect(await ask(await serveFrames(bytes, true), { expected: "x" })).toMatchObject({
      status: "missed",
      errorCode: "connection_closed",
    });
  });

  it("takes only the answer to its own ping for one", async () => {
    const port = await serveFrames(frame(FIN | 0xa, "12345678"));
    expect(await ask(port, { timeoutMs: 200 })).toMatchObject({
      errorCode: "timeout",
      error: expect.stringMatching(/waiting for the answer to a ping/),
    });
  });

  it("after the answer is no matter: a server that never closes in its turn is left", async () => {
    const port = await serveFrames(text("ready"));
    expect(await ask(port, { expected: "ready" })).toMatchObject({ status: "success" });
    await expect.poll(openConnections).toBe(0);
  });

  it("reads a message however it comes in pieces", async () => {
    const message = Buffer.concat([
      frame(TEXT, "gr"),
      frame(FIN | 0x9, "are you there?"),
      frame(CONTINUATION, Buffer.from("ü").subarray(0, 1)),
      frame(FIN | CONTINUATION, Buffer.concat([Buffer.from("ü").subarray(1), Buffer.from("n")])),
    ]);
    let cuts: number[] = [];
    const port = await serveTcp((socket) =>
      socket.setNoDelay(true).once("data", (request) => {
        socket.write(upgrade(request.toString()));
        let from = 0;
        for (const to of [...cuts, message.length]) {
          socket.write(message.subarray(from, to));
          from = to;
        }
        socket.once("data", () => socket.end());
      }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: 1, max: message.length - 1 }), { maxLength: 5 }),
        async (places) => {
          cuts = places.toSorted((one, other) => one - other);
          expect(await ask(port, { expected: "grün" })).toMatchObject({ status: "success" });
        },
      ),
      { numRuns: 20 },
    );
  });

  it("whatever bytes come, is the target's fault and ends in time", async () => {
    let bytes = Buffer.alloc(0);
    const port = await serveTcp((socket) =>
      socket.once("data", (request) => {
        socket.write(Buffer.concat([Buffer.from(upgrade(request.toString())), bytes]));
        socket.end();
      }),
    );
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .array(fc.tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 130 })))
        .map((frames) => Buffer.concat(frames.map(([first, payload]) => frame(first, Buffer.from(payload))))),
    );
    const expectable = ErrorCode.options.filter((code) => /^(websocket|connection|timeout)/.test(code));
    await fc.assert(
      fc.asyncProperty(hostile, async (content) => {
        bytes = Buffer.from(content);
        const outcome = await ask(port, { expected: "never sent", timeoutMs: 1_000 });
        expect(outcome.status).toBe("missed");
        expect(expectable).toContain(outcome.errorCode);
      }),
      { numRuns: 100 },
    );
  });
});
