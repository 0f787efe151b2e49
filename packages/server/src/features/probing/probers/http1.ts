// HTTP/1.1 over a connected socket, plain or TLS: the request written at once, the answer read by our own strict reader.
import type { Socket } from "node:net";
import { ProbeFailure, WAITING } from "./attempt.js";
import { connectionFailure } from "./connection.js";
import {
  bodyTooLarge,
  closedTooEarly,
  type Exchange,
  type HttpRequest,
  IN_THE_BODY,
} from "./http-exchange.js";
import { HttpFormatError, Http1Reader } from "./http1-reader.js";

/**
 * Node's own client would do, but costs as much again as everything else in a probe: agent, parser, streams and headers
 * of a server's worth for one request on one connection.
 */
export const exchangeHttp1: Exchange = async (current, socket, endpoint, request) => {
  current.awaits(endpoint, WAITING);
  const reader = new Http1Reader(request.method);
  let failure: Error | null = null;
  let check: () => void = nobodyWaits;
  const onClose = () => {
    if (reader.isWhole || current.hasEnded) return;
    if (!reader.end()) failure ??= closedTooEarly(current, endpoint);
    check();
  };
  socket.on("data", (bytes) => {
    try {
      reader.push(bytes);
    } catch (error) {
      failure ??= error instanceof HttpFormatError ? malformed(endpoint, error) : (error as Error);
    }
    check();
  });
  socket.on("error", (error) => {
    failure ??= connectionFailure(error, current, endpoint);
    check();
  });
  socket.once("end", onClose);
  socket.once("close", onClose);
  send(socket, request);

  /** Waits until it holds; throws what it throws, or what became of the connection. */
  const until = (holds: () => boolean) =>
    new Promise<void>((resolve, reject) => {
      check = () => {
        try {
          if (holds()) resolve();
          else if (failure !== null) reject(failure);
        } catch (error) {
          reject(error);
        }
      };
      check();
    });

  await until(() => reader.head !== null);
  const { status = 0, headers = new Map<string, string>() } = reader.head ?? {};
  return {
    status,
    headers,
    async readBody({ maxBytes, keep }) {
      current.awaits(endpoint, IN_THE_BODY);
      reader.keepsBody = keep;
      await until(() => {
        if (reader.bodyBytes > maxBytes) throw bodyTooLarge(endpoint, maxBytes);
        return reader.isWhole;
      });
      return reader.body;
    },
  };
};

function nobodyWaits(): void {}

/**
 * The request up to its body; each character is one byte. Headers are checked by the contract, and a URL's parts are
 * plain ASCII: nothing here can hold a line break.
 */
export function requestHead({ method, url, headers, body }: HttpRequest): string {
  let head = `${method} ${url.pathname}${url.search} HTTP/1.1\r\nhost: ${headers["host"] ?? url.host}\r\n`;
  for (const [name, value] of Object.entries(headers)) if (name !== "host") head += `${name}: ${value}\r\n`;
  const hasBody = body !== null || ["POST", "PUT", "PATCH"].includes(method);
  if (hasBody) head += `content-length: ${Buffer.byteLength(body ?? "")}\r\n`;
  return `${head}connection: close\r\n\r\n`;
}

function send(socket: Socket, request: HttpRequest): void {
  const head = requestHead(request);
  if (request.body === null) socket.write(head, "latin1");
  else socket.write(Buffer.concat([Buffer.from(head, "latin1"), Buffer.from(request.body)]));
}

function malformed(endpoint: string, { message }: HttpFormatError): ProbeFailure {
  return new ProbeFailure("http_malformed", `${endpoint} sent what is not HTTP/1.1: ${message}`);
}
