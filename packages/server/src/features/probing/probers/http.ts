// http: one new connection per measurement and hop; the RTT runs from the start (resolution included) to the last byte.
import type { SecureContext } from "node:tls";
import { canonicalHost, type OptionsOf } from "@nightbell/contract";
import type { ResolvedAddress } from "../address.js";
import type { Prober } from "../prober.js";
import type { SocketEngine } from "../sockets/index.js";
import { type Attempt, attempt, microseconds, ProbeFailure } from "./attempt.js";
import { connectTo, type NameServers, resolveTarget } from "./connection.js";
import { judge, judgeStatus, readsBody } from "./http-assertions.js";
import type { HttpHead, HttpRequest } from "./http-exchange.js";
import { REDIRECT_STATUSES } from "./http-terms.js";
import { exchangeHttp1, requestHead } from "./http1.js";
import { exchangeHttp2 } from "./http2.js";
import { redirectOf } from "./http-redirect.js";
import { exchangePlain } from "./plain-exchange.js";
import { targetOf } from "./target.js";
import { handshake } from "./tls-handshake.js";

type Options = OptionsOf<"http">;

/** Identity, so that what is measured is what is sent, and no body can unfold into a larger one. */
const defaultHeaders = { accept: "*/*", "accept-encoding": "identity", "user-agent": "Nightbell" };

const protocolsOf: Record<Options["version"], string[]> = {
  auto: ["h2", "http/1.1"],
  "1.1": ["http/1.1"],
  "2": ["h2"],
};

export function createHttpProber(
  context: SecureContext,
  servers?: NameServers,
  engine: SocketEngine | null = null,
): Prober<Options> {
  return {
    type: "http",
    probe: ({ target, options, notes }, signal) =>
      attempt(options.timeoutMs, signal, (current) => {
        current.notes = notes;
        return measure(current, firstRequest(target, options), options, { context, servers, engine });
      }),
  };
}

interface Environment {
  context: SecureContext;
  servers: NameServers;
  engine: SocketEngine | null;
}

async function measure(
  current: Attempt,
  first: HttpRequest,
  options: Options,
  environment: Environment,
): Promise<number> {
  let request = first;
  for (let redirects = 0; ; redirects++) {
    const hop = await answerTo(current, request, options, environment);
    if (current.notes !== undefined) current.notes.httpStatus = hop.head.status;
    const isAnswer = options.maxRedirects === 0 || options.expectedStatuses.includes(hop.head.status);
    const redirect = isAnswer ? null : redirectOf(request, hop.head);
    if (redirect === null) return examine(current, request, hop.head, options);
    hop.close();
    if ("failure" in redirect) throw new ProbeFailure(redirect.failure.code, redirect.failure.error);
    if (redirects === options.maxRedirects)
      throw new ProbeFailure(
        "http_redirect_limit",
        `${first.method} ${first.url.href} was redirected more than ${options.maxRedirects} times`,
      );
    request = redirect.to;
  }
}

interface Hop {
  head: HttpHead;
  close: () => void;
}

/** Connects anew and sends one request. */
async function answerTo(
  current: Attempt,
  request: HttpRequest,
  options: Options,
  { context, servers, engine }: Environment,
): Promise<Hop> {
  const { url } = request;
  const isSecure = url.protocol === "https:";
  const host = canonicalHost(url.hostname) ?? url.hostname;
  const address = await resolveTarget(current, host, options.family, servers);
  const port = Number(url.port) || (isSecure ? 443 : 80);
  if (!isSecure) {
    const head = await headByEngine(current, engine, address, port, request, options);
    if (head !== null) return { head, close: () => undefined };
  }
  const connected = await connectTo(current, address, port);
  const { endpoint } = connected;
  if (!isSecure) {
    const head = await exchangeHttp1(current, connected.socket, endpoint, request);
    current.endPhase("firstByte");
    return { head, close: () => connected.socket.destroy() };
  }
  const protocols = protocolsOf[options.version];
  const secured = await handshake(current, connected, "tls", { serverName: host, protocols, context });
  if (options.verifyTls && secured.certificate !== null)
    throw new ProbeFailure(secured.certificate.code, secured.certificate.error);
  const isHttp2 = secured.socket.alpnProtocol === "h2";
  if (options.version === "2" && !isHttp2)
    throw new ProbeFailure("tls_handshake", `${endpoint} does not offer HTTP/2`);
  const exchange = isHttp2 ? exchangeHttp2 : exchangeHttp1;
  const head = await exchange(current, secured.socket, endpoint, request);
  current.endPhase("firstByte");
  return { head, close: () => secured.socket.destroy() };
}

/** The whole exchange is over when it returns; null when the engine cannot take it. */
async function headByEngine(
  current: Attempt,
  engine: SocketEngine | null,
  address: ResolvedAddress,
  port: number,
  request: HttpRequest,
  { assertions, maxBodyBytes, maxRedirects, expectedStatuses }: Options,
): Promise<HttpHead | null> {
  const exchanged = await exchangePlain(current, engine, address, port, {
    head: requestHead(request),
    body: request.body ?? "",
    isHead: request.method === "HEAD",
    wantsHeaders: assertions.length > 0,
    wantsBody: readsBody(assertions),
    maxBodyBytes,
    stopsAt:
      maxRedirects === 0 ? 0 : bitsOf(REDIRECT_STATUSES, (status) => !expectedStatuses.includes(status)),
  });
  if (exchanged === null) return null;
  const { failure } = exchanged;
  const { status, headers, body, endedAt } = exchanged.ended;
  if (failure !== null && status === 0) throw failure;
  return {
    status,
    headers,
    endedAt,
    readBody: () => (failure === null ? Promise.resolve(body) : Promise.reject(failure)),
  };
}

/** Bit n is set when it holds for the value at n. */
function bitsOf<Value>(values: readonly Value[], holds: (value: Value) => boolean): number {
  return values.reduce((bits, value, index) => (holds(value) ? bits | (1 << index) : bits), 0);
}

/** Reads the body of the last answer and judges the whole. */
async function examine(
  current: Attempt,
  request: HttpRequest,
  head: HttpHead,
  options: Options,
): Promise<number> {
  const asked = `${request.method} ${request.url.href}`;
  const keep = readsBody(options.assertions);
  const body = await head.readBody({ maxBytes: options.maxBodyBytes, keep }).catch((error: unknown) => {
    // A wrong status is what a person wants to know, whatever became of the body.
    const status = judgeStatus(asked, head.status, options.expectedStatuses);
    throw status === null ? error : new ProbeFailure(status.code, status.error);
  });
  const rttUs = microseconds(current.endPhase("transfer", head.endedAt) - current.startedAt);
  const failure = judge(asked, { status: head.status, headers: head.headers, body }, options);
  if (failure !== null) throw new ProbeFailure(failure.code, failure.error, rttUs);
  return rttUs;
}

function firstRequest(target: string, { method, headers, body }: Options): HttpRequest {
  const own = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  return {
    method,
    url: new URL(targetOf("http", target).url),
    headers: own.length === 0 ? defaultHeaders : { ...defaultHeaders, ...Object.fromEntries(own) },
    body,
  };
}
