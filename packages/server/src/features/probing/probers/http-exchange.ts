// One request and the head of its answer over a connection made for it, in HTTP/1.1 or HTTP/2, and the bounded body.
import { type IncomingMessage, request as requestHttp1 } from "node:http";
import type { EventEmitter } from "node:events";
import { connect as connectHttp2, constants, type IncomingHttpHeaders } from "node:http2";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import { type Attempt, ProbeFailure } from "./attempt.js";
import { connectionFailure } from "./connection.js";

export interface HttpRequest {
  method: string;
  url: URL;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  body: string | null;
}

export interface HttpHead {
  status: number;
  /** Names in lower case, repeated ones joined by a comma. */
  headers: Readonly<Record<string, string>>;
  /** Reads the body to its end. Throws ProbeFailure. */
  readBody(limits: BodyLimits): Promise<Buffer>;
}

export interface BodyLimits {
  /** More than these are `http_body_too_large`. */
  maxBytes: number;
  /** False only counts the bytes, for nobody looks at them. */
  keep: boolean;
}

/** A head beyond this is not read to its end. */
const MAX_HEAD_BYTES = 65_536;

/** Sends a request and waits for the head of the answer. Throws ProbeFailure. */
export type Exchange = (
  current: Attempt,
  socket: Socket,
  endpoint: string,
  request: HttpRequest,
) => Promise<HttpHead>;

export const exchangeHttp1: Exchange = (current, socket, endpoint, request) => {
  current.awaits(endpoint, "waiting for the answer");
  const sent = requestHttp1({
    createConnection: () => socket,
    method: request.method,
    path: request.url.pathname + request.url.search,
    headers: { host: request.url.host, ...request.headers },
    maxHeaderSize: MAX_HEAD_BYTES,
  });
  // The request reports what breaks the rules, within the body of the answer too.
  const failed = failureOf([sent], current, endpoint);
  const answered = new Promise<HttpHead>((resolve) => {
    const answer = (response: IncomingMessage, body: Readable) => {
      // Until somebody reads the body; a redirect's is never read.
      body.on("error", () => undefined);
      resolve({
        status: response.statusCode ?? 0,
        headers: plainHeaders(response.headers),
        readBody: (limits) => Promise.race([failed, readBody(current, endpoint, body, limits)]),
      });
    };
    sent.once("response", (response) => answer(response, response));
    // Nobody asked for another protocol: 101 is an answer like any other, without a body.
    sent.once("upgrade", (response) => answer(response, Readable.from([])));
  });
  sent.end(request.body ?? undefined);
  return Promise.race([failed, answered]);
};

export const exchangeHttp2: Exchange = (current, socket, endpoint, request) => {
  current.awaits(endpoint, "waiting for the answer");
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
  current.awaits(endpoint, "in the middle of the body");
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
      if (size <= maxBytes) return;
      const error = `the body from ${endpoint} has more than ${maxBytes} bytes`;
      reject(new ProbeFailure("http_body_too_large", error));
    });
    body.once("end", () => resolve(Buffer.concat(chunks)));
    body.on("error", (error) => reject(httpFailure(error, current, endpoint)));
    body.once("aborted", breakOff);
    body.once("close", breakOff);
  });
}

/** Rejects with the first error, whenever somebody asks; later ones must not end the process. */
function failureOf(sources: EventEmitter[], current: Attempt, endpoint: string): Promise<never> {
  const failed = new Promise<never>((_, reject) => {
    for (const source of sources)
      source.on("error", (error: Error) => reject(httpFailure(error, current, endpoint)));
  });
  failed.catch(() => undefined);
  return failed;
}

function httpFailure(error: NodeJS.ErrnoException, current: Attempt, endpoint: string): ProbeFailure {
  const code = error.code ?? "";
  if (code === "HPE_HEADER_OVERFLOW")
    return new ProbeFailure("http_malformed", `${endpoint} sent a head of more than ${MAX_HEAD_BYTES} bytes`);
  if (code.startsWith("HPE_"))
    return new ProbeFailure("http_malformed", `${endpoint} sent what is not HTTP/1.1 (${error.message})`);
  if (code === "ERR_HTTP2_STREAM_ERROR" || code === "ERR_HTTP2_SESSION_ERROR")
    return new ProbeFailure(
      "connection_reset",
      `${endpoint} broke off (${error.message}, ${current.during})`,
    );
  if (code.startsWith("ERR_HTTP2") || code.startsWith("NGHTTP2"))
    return new ProbeFailure("http_malformed", `${endpoint} broke the rules of HTTP/2 (${error.message})`);
  return connectionFailure(error, current, endpoint);
}

function closedTooEarly({ during }: Attempt, endpoint: string): ProbeFailure {
  return new ProbeFailure("connection_closed", `${endpoint} closed the connection (${during})`);
}

function plainHeaders(fields: IncomingHttpHeaders): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined && !name.startsWith(":")) plain[name] = String(value);
  }
  return plain;
}
