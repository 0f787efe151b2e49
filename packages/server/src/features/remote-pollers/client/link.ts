// The way from a remote poller to its server: calls over kept connections, each with a timeout, none repeated by itself.
import { rootCertificates } from "node:tls";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { Problem } from "@nightbell/contract";
import { Agent, type Dispatcher, request } from "undici";
import type { z } from "zod";
import { version } from "../../../platform/version.js";
import type { RemoteSettings } from "./settings.js";

const CONNECT_TIMEOUT_MS = 5_000;
const KEEP_ALIVE_MS = 60_000;
/** The lease, the jobs, an upload and the feed, each at its own pace. */
const CONNECTIONS = 8;
/** Of an answer: the definitions of 500 jobs. */
const MAX_ANSWER_BYTES = 64 * 1_048_576;
/** Fast, and still a fifth of the bytes. */
const GZIP_LEVEL = 1;
/** Of the feed, which beats every five seconds. */
const SILENCE_MS = 15_000;

const [pack, unpack] = [promisify(gzip), promisify(gunzip)];

/** Why a call failed, in a sentence. */
export class LinkError extends Error {
  /** The server may have done what it was asked to. */
  readonly mayHaveArrived: boolean;
  /** The server refuses what the call says, so repeating it is no use. */
  readonly isRefusal: boolean;
  /** Before that has passed the server would refuse it again; null when it did not say. */
  readonly retryAfterMs: number | null;

  constructor(
    message: string,
    {
      mayHaveArrived = false,
      isRefusal = false,
      retryAfterMs = null,
      cause,
    }: { mayHaveArrived?: boolean; isRefusal?: boolean; retryAfterMs?: number | null; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.mayHaveArrived = mayHaveArrived;
    this.isRefusal = isRefusal;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The server does not know the token (any more). */
export class RevokedError extends LinkError {}

export interface CallOptions<Answer extends z.ZodType> {
  readonly body?: unknown;
  /** Packs the body. */
  readonly isLarge?: boolean;
  /** Null when there is none. */
  readonly answer: Answer | null;
  readonly timeoutMs: number;
}

export class Link {
  readonly #settings: RemoteSettings;
  readonly #agent: Agent;
  readonly #revoked: () => void;

  /** `revoked` is called whenever the server says that it does not know the token. */
  constructor(settings: RemoteSettings, revoked: () => void) {
    this.#settings = settings;
    this.#revoked = revoked;
    this.#agent = new Agent({
      connections: CONNECTIONS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connect: {
        timeout: CONNECT_TIMEOUT_MS,
        ...(settings.ca !== null && { ca: [...rootCertificates, settings.ca] }),
      },
    });
  }

  get origin(): string {
    return this.#settings.url.origin;
  }

  /** Throws LinkError. */
  async call<Answer extends z.ZodType>(
    method: "GET" | "POST" | "PUT" | "DELETE",
    path: string,
    { body, isLarge = false, answer, timeoutMs }: CallOptions<Answer>,
  ): Promise<z.output<Answer>> {
    const json = body === undefined ? null : JSON.stringify(body);
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await this.#send(path, {
      method,
      signal,
      body: json === null ? null : isLarge ? await pack(json, { level: GZIP_LEVEL }) : json,
      headers: json === null ? {} : { "content-type": isLarge ? "application/gzip" : "application/json" },
    });
    const text = await this.#textOf(response);
    if (response.statusCode < 200 || response.statusCode > 299) throw this.#failure(response, text);
    const parsed = answer === null ? null : answer.safeParse(parseJson(text));
    if (parsed === null) return undefined as z.output<Answer>;
    if (parsed.success) return parsed.data;
    throw new LinkError(
      `${this.origin} answers what this version does not understand; is it a Nightbell of the same version?`,
      { mayHaveArrived: true },
    );
  }

  /** The lines of the feed, until it ends or is silent. Throws LinkError. */
  async *feed(path: string, signal: AbortSignal): AsyncGenerator<string> {
    const response = await this.#send(path, {
      method: "GET",
      signal,
      body: null,
      headers: { accept: "text/event-stream" },
      headersTimeout: SILENCE_MS,
      bodyTimeout: SILENCE_MS,
    });
    if (response.statusCode !== 200) throw this.#failure(response, await this.#textOf(response));
    let rest = "";
    try {
      for await (const chunk of response.body.setEncoding("utf8")) {
        const lines = (rest + String(chunk)).split("\n");
        rest = lines.pop() ?? "";
        yield* lines;
      }
    } catch (error) {
      throw this.#broken(error);
    }
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async #send(
    path: string,
    {
      headers,
      ...options
    }: Omit<Partial<Dispatcher.RequestOptions>, "headers"> & { headers: Record<string, string> },
  ): Promise<Dispatcher.ResponseData> {
    const { url, token } = this.#settings;
    try {
      return await request(new URL(path, url), {
        ...options,
        dispatcher: this.#agent,
        headers: {
          authorization: `Bearer ${token}`,
          "user-agent": `nightbell-poller/${version}`,
          "accept-encoding": "gzip",
          ...headers,
        },
      });
    } catch (error) {
      throw this.#broken(error);
    }
  }

  async #textOf({ headers, body }: Dispatcher.ResponseData): Promise<string> {
    try {
      const bytes = Buffer.from(await body.arrayBuffer());
      const isPacked = headers["content-encoding"] === "gzip";
      return (isPacked ? await unpack(bytes, { maxOutputLength: MAX_ANSWER_BYTES }) : bytes).toString();
    } catch (error) {
      throw this.#broken(error);
    }
  }

  #broken(error: unknown): LinkError {
    const {
      code = "",
      name = "",
      message = "",
    } = error as { code?: string; name?: string; message?: string };
    const reason = name === "TimeoutError" ? "it did not answer in time" : code || message;
    return new LinkError(`${this.origin} cannot be reached (${reason})`, {
      mayHaveArrived: !NEVER_ARRIVED.test(code),
      cause: error,
    });
  }

  #failure({ statusCode: status, headers }: Dispatcher.ResponseData, text: string): LinkError {
    const problem = Problem.safeParse(parseJson(text));
    if (!problem.success) {
      return new LinkError(`${this.origin} answered ${status}; is it a Nightbell?`, {
        mayHaveArrived: status >= 500,
      });
    }
    const { code, detail } = problem.data;
    if (code === "unauthenticated") {
      this.#revoked();
      return new RevokedError(`${this.origin} refuses the token: ${detail}`);
    }
    const isRefusal = code === "validation_failed" || code === "payload_too_large";
    const retryAfterMs = code === "rate_limited" ? Number(headers["retry-after"] ?? 1) * 1_000 : null;
    return new LinkError(`${this.origin} answered ${status}: ${detail}`, { isRefusal, retryAfterMs });
  }
}

/** Before a byte of the request has left. */
const NEVER_ARRIVED =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|.*CERT.*)$/;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
