// websocket: a connection of its own, the opening handshake of RFC 6455, and a message or a ping with its answer; the RTT
// runs from the start (resolution included) to that answer.
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import type { SecureContext } from "node:tls";
import { canonicalHost, type OptionsOf } from "@nightbell/contract";
import { WebSocket } from "ws";
import type { Prober } from "../prober.js";
import { type Attempt, attempt, microseconds, ProbeFailure, WAITING } from "./attempt.js";
import { connectionFailure, connectTo, type NameServers, resolveTarget } from "./connection.js";
import { targetOf } from "./target.js";
import { handshake } from "./tls-handshake.js";

type Options = OptionsOf<"websocket">;

/** A message of more bytes ends the probe. */
const MAX_MESSAGE_BYTES = 1_048_576;
/** How long the server may take to close in its turn; what it does then is not judged. */
const CLOSE_WAIT_MS = 200;
/** The result must be out before the deadline. */
const CLOSE_MARGIN_MS = 10;

export function createWebSocketProber(context: SecureContext, servers?: NameServers): Prober<Options> {
  return {
    type: "websocket",
    probe: ({ target, options }, signal) =>
      attempt(options.timeoutMs, signal, async (current) => {
        const url = new URL(targetOf("websocket", target).url);
        const opened = await connectFor(current, url, options, { context, servers });
        const conversation = await converse(current, opened, url, options);
        const rttUs = microseconds(
          current.endPhase(asksByPing(options) ? "ping" : "message") - current.startedAt,
        );
        await close(current, conversation);
        return rttUs;
      }),
  };
}

interface Opened {
  socket: Socket;
  endpoint: string;
}

async function connectFor(
  current: Attempt,
  url: URL,
  { family, verifyTls }: Options,
  { context, servers }: { context: SecureContext; servers: NameServers },
): Promise<Opened> {
  const isSecure = url.protocol === "wss:";
  const host = canonicalHost(url.hostname) ?? url.hostname;
  const address = await resolveTarget(current, host, family, servers);
  const connected = await connectTo(current, address, Number(url.port) || (isSecure ? 443 : 80));
  if (!isSecure) return connected;
  const secured = await handshake(current, connected, "tls", {
    serverName: host,
    protocols: ["http/1.1"],
    context,
  });
  if (verifyTls && secured.certificate !== null)
    throw new ProbeFailure(secured.certificate.code, secured.certificate.error);
  return secured;
}

/** Neither says nor expects anything, so the protocol's own question is the one that is asked. */
function asksByPing({ message, expected }: Options): boolean {
  return message === null && expected === null;
}

/** Opens the WebSocket, in phase `upgrade`, and resolves when the answer has come. Throws ProbeFailure. */
function converse(
  current: Attempt,
  { socket, endpoint }: Opened,
  url: URL,
  options: Options,
): Promise<WebSocket> {
  const { headers, subprotocol, message, expected } = options;
  current.awaits(endpoint, "during the opening handshake");
  return new Promise((resolve, reject) => {
    // Ahead of the library's own listener, which tells a reset from a close no more.
    socket.on("error", (error) => reject(failureOf(error, current, endpoint)));
    const conversation = new WebSocket(url, subprotocol ?? [], {
      createConnection: () => socket,
      headers: { "user-agent": "Nightbell", ...headers },
      followRedirects: false,
      perMessageDeflate: false,
      maxPayload: MAX_MESSAGE_BYTES,
    });
    const question = randomBytes(8);
    conversation.on("unexpected-response", (_, { statusCode, headers: { location } }) => {
      const elsewhere = location === undefined ? "" : ` (it redirects to ${location}; make that the target)`;
      reject(
        new ProbeFailure(
          "websocket_handshake",
          `${url.href} answered ${statusCode}, expected 101 to open a WebSocket${elsewhere}`,
        ),
      );
    });
    conversation.on("open", () => {
      current.endPhase("upgrade");
      current.awaits(endpoint, asksByPing(options) ? "waiting for the answer to a ping" : WAITING);
      if (message !== null) conversation.send(message);
      else if (expected === null) conversation.ping(question);
    });
    conversation.on("pong", (answer) => {
      if (asksByPing(options) && answer.equals(question)) resolve(conversation);
    });
    let passedOver = 0;
    conversation.on("message", (data) => {
      if (asksByPing(options)) return;
      // The form of all messages as long as `binaryType` says nothing else.
      const received = data as Buffer;
      if (expected === null || received.includes(expected)) return resolve(conversation);
      passedOver += 1;
      const count = passedOver === 1 ? "1 message" : `${passedOver} messages`;
      const last = received.toString("utf8", 0, SHOWN_BYTES);
      current.seenAs = (failure) =>
        failure.code === "timeout"
          ? {
              code: "answer_mismatch",
              error: `${endpoint} sent ${count} within ${current.timeoutMs} ms, none with “${expected}” in it; the last was “${last}”`,
            }
          : failure;
    });
    conversation.on("error", (error) => reject(failureOf(error, current, endpoint)));
    conversation.on("close", (code, reason) => reject(closedBy(code, reason, current, endpoint)));
  });
}

/** Of a message, as much as a sentence takes. */
const SHOWN_BYTES = 100;

/** Codes that stand for the lack of one (RFC 6455, 7.4.1); they are never sent. */
const NO_STATUS = 1005;
const NO_CLOSE_FRAME = 1006;

function closedBy(code: number, reason: Buffer, { during }: Attempt, endpoint: string): ProbeFailure {
  if (code === NO_CLOSE_FRAME)
    return new ProbeFailure("connection_closed", `${endpoint} closed the connection (${during})`);
  const status = code === NO_STATUS ? "without a status" : `with status ${code}`;
  const words = reason.length === 0 ? "" : `, “${reason.toString()}”`;
  return new ProbeFailure(
    "websocket_closed",
    `${endpoint} closed the WebSocket ${status}${words} (${during})`,
  );
}

/** What the library says of handshakes, and what we say. */
const handshakeFaults: Record<string, string> = {
  "Invalid Upgrade header": "it does not upgrade to websocket",
  "Invalid Sec-WebSocket-Accept header": "its Sec-WebSocket-Accept is not the one of our key",
  "Server sent a subprotocol but none was requested": "it chose a subprotocol, although none was asked for",
  "Server sent an invalid subprotocol": "it chose a subprotocol that was not asked for",
  "Server sent no subprotocol": "it did not choose the subprotocol that was asked for",
  "Server sent a Sec-WebSocket-Extensions header but no extension was requested":
    "it uses an extension, although none was asked for",
};

const TOO_LARGE = new Set(["WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH"]);

function failureOf(error: NodeJS.ErrnoException, current: Attempt, endpoint: string): ProbeFailure {
  const { code = "", message } = error;
  if (TOO_LARGE.has(code))
    return new ProbeFailure(
      "websocket_message_too_large",
      `${endpoint} sent a message of more than ${MAX_MESSAGE_BYTES} bytes`,
    );
  if (code.startsWith("WS_ERR_"))
    return new ProbeFailure(
      "websocket_malformed",
      `${endpoint} sent what is not WebSocket: ${message.replace(/^(?:Invalid|Unsupported) WebSocket frame: /, "")}`,
    );
  if (code.startsWith("HPE_"))
    return new ProbeFailure(
      "http_malformed",
      `${endpoint} sent what is not HTTP/1.1: ${message.replace(/^Parse Error: /, "")}`,
    );
  const fault = handshakeFaults[message];
  if (fault !== undefined)
    return new ProbeFailure("websocket_handshake", `${endpoint} opened no WebSocket: ${fault}`);
  return connectionFailure(error, current, endpoint);
}

/** Says goodbye, and gives the server a moment to do so too (RFC 6455, 7.1). */
async function close(current: Attempt, conversation: WebSocket): Promise<void> {
  const waitMs = Math.min(CLOSE_WAIT_MS, current.remainingMs - CLOSE_MARGIN_MS);
  if (waitMs <= 0 || conversation.readyState === WebSocket.CLOSED) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, waitMs);
    current.hold(() => clearTimeout(timer));
    conversation.once("close", () => resolve());
    conversation.close(1000);
  });
}
