// HTTP/2 by Node's client, over a TLS socket whose ALPN chose it.
import { connect as connectHttp2, constants, type IncomingHttpHeaders } from "node:http2";
import type { EventEmitter } from "node:events";
import type { Readable } from "node:stream";
import { type Attempt, ProbeFailure, WAITING } from "./attempt.js";
import { connectionFailure } from "./connection.js";
import {
  type BodyLimits,
  bodyTooLarge,
  closedTooEarly,
  type Exchange,
  type HttpHead,
  IN_THE_BODY,
} from "./http-exchange.js";
import { MAX_HEAD_BYTES } from "./http-terms.js";

export const exchangeHttp2: Exchange = (current, socket, endpoint, request) => {
  current.awaits(endpoint, WAITING);
  const session = connectHttp2(request.url.origin, {
    createConnection: () => socket,
    settings: { enablePush: false, maxHeaderListSize: MAX_HEAD_BYTES },
  });
  current.hold(() => session.destroy());
  const { host = request.url.host, ...headers } = request.headers;
  const stream = session.request(
    {
      ":method": request.method,
      ":scheme": "https",
      ":authority": host,
      ":path": request.url.pathname + request.url.search,
      ...headers,
    },
    { endStream: request.body === null },
  );
  const failed = failureOf([stream, session], current, endpoint);
  const answered = new Promise<HttpHead>((resolve, reject) => {
    stream.once("close", () => reject(closedTooEarly(current, endpoint)));
    stream.once("response", (fields) =>
      resolve({
        status: fields[":status"] ?? 0,
        headers: plainHeaders(fields),
        readBody: async (limits) => {
          const body = await Promise.race([failed, readBody(current, endpoint, stream, limits)]);
          // A stream whose session breaks off ends like a whole one, but for its code.
          if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) throw closedTooEarly(current, endpoint);
          return body;
        },
      }),
    );
  });
  if (request.body !== null) stream.end(request.body);
  return Promise.race([failed, answered]);
};

function readBody(
  current: Attempt,
  endpoint: string,
  body: Readable,
  { maxBytes, keep }: BodyLimits,
): Promise<Buffer> {
  current.awaits(endpoint, IN_THE_BODY);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    // Every body is closed in the end; only one that has not ended yet is broken off by it.
    const breakOff = () => {
      if (!body.readableEnded) reject(closedTooEarly(current, endpoint));
    };
    body.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (keep) chunks.push(chunk);
      if (size > maxBytes) reject(bodyTooLarge(endpoint, maxBytes));
    });
    body.once("end", () => resolve(Buffer.concat(chunks)));
    body.once("aborted", breakOff);
    body.once("close", breakOff);
  });
}

/** Rejects with the first error, whenever somebody asks; later ones must not end the process. */
function failureOf(sources: EventEmitter[], current: Attempt, endpoint: string): Promise<never> {
  const failed = new Promise<never>((_, reject) => {
    for (const source of sources)
      source.on("error", (error: Error) => reject(http2Failure(error, current, endpoint)));
  });
  failed.catch(() => undefined);
  return failed;
}

function http2Failure(error: NodeJS.ErrnoException, current: Attempt, endpoint: string): ProbeFailure {
  const code = error.code ?? "";
  if (code === "ERR_HTTP2_STREAM_ERROR" || code === "ERR_HTTP2_SESSION_ERROR")
    return new ProbeFailure(
      "connection_reset",
      `${endpoint} broke off (${error.message}, ${current.during})`,
    );
  if (code.startsWith("ERR_HTTP2"))
    return new ProbeFailure("http_malformed", `${endpoint} broke the rules of HTTP/2 (${error.message})`);
  return connectionFailure(error, current, endpoint);
}

function plainHeaders(fields: IncomingHttpHeaders): Map<string, string> {
  const plain = new Map<string, string>();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined && !name.startsWith(":")) plain.set(name, String(value));
  }
  return plain;
}
