// Server-sent events (the EventSource section of the HTML standard) to many clients at little cost: a frame is built
// once and written as it is to every socket; one timer serves all of them.
import type { Socket } from "node:net";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Gauge, type Registry } from "prom-client";
import { NightbellError } from "./errors.js";
import type { Logger } from "./log.js";

/** A client that leaves so much unread is dropped; it connects again and resumes where it was. */
const MAX_PENDING_BYTES = 64 * 1024;
/** Below the idle timeouts of the usual proxies (30 s and more). */
const HEARTBEAT_MS = 15_000;
const HEARTBEAT = Buffer.from(":\n\n");
/** Clients that lose a server come back spread over a while. */
const MIN_RETRY_MS = 1_000;
const RETRY_SPREAD_MS = 2_000;
const RETRY_AFTER_SECONDS = 10;
const DRAIN_TIMEOUT_MS = 10_000;
/** A session that ended keeps its streams for a minute at most, as long as checks at this pace suffice. */
const RECHECK_AFTER_MS = 60_000;
const RECHECK_INTERVAL_MS = 5_000;
const RECHECKS_AT_ONCE = 100;

/** An event as it travels. Neither part may contain a line break. */
export function sseFrame(id: string, data: string): Buffer {
  return Buffer.from(`id: ${id}\ndata: ${data}\n\n`);
}

/** Whose stream it is. */
export interface StreamHolder {
  /** What streams are shared out among. */
  readonly accountId: string;
  /** Whether the stream may go on; asked about once a minute. */
  readonly isAllowed: () => Promise<boolean>;
}

/**
 * All streams of one server. While there is room an account may have as many as it likes; when there is none, somebody
 * with fewer takes the oldest stream of the account with the most, so that nobody can keep the others out.
 */
export class SseServer {
  readonly #maxConnections: number;
  readonly #log: Logger;
  /** In the order in which they were last found to be allowed. */
  readonly #clients = new Map<SseClient, { holder: StreamHolder; checkedAt: number }>();
  /** The streams of each account that has any, oldest first. */
  readonly #byAccount = new Map<string, Set<SseClient>>();
  readonly #gauge: Gauge;
  #timers: NodeJS.Timeout[] = [];
  #closed = false;

  constructor(options: { maxConnections: number; log: Logger; registry: Registry }) {
    this.#maxConnections = options.maxConnections;
    this.#log = options.log;
    this.#gauge = new Gauge({
      name: "nightbell_stream_connections",
      help: "Open live streams",
      registers: [options.registry],
    });
  }

  get connectionCount(): number {
    return this.#clients.size;
  }

  /** Throws `too_many_streams` when there is no room for one more of the account. */
  assertRoom(accountId: string): void {
    if (this.#closed) throw new NightbellError("not_ready", "This server is going down; connect again.");
    if (this.#clients.size < this.#maxConnections || this.#streamToTake(accountId) !== null) return;
    throw new NightbellError(
      "too_many_streams",
      `This server already serves ${this.#maxConnections} live connections, your share of them included; ` +
        "close some, try again later, or raise SSE_MAX_CONNECTIONS.",
      { retryAfterSeconds: RETRY_AFTER_SECONDS },
    );
  }

  /**
   * Takes the request's socket over and begins the stream, which ends within about a minute after the holder is no
   * longer allowed. Throws `too_many_streams`.
   */
  open(request: FastifyRequest, reply: FastifyReply, holder: StreamHolder): SseClient {
    this.assertRoom(holder.accountId);
    if (this.#clients.size >= this.#maxConnections) this.#takeStream(holder.accountId);
    const client = new SseClient(request.raw.socket);
    reply.hijack();
    client.begin({ ...reply.raw.getHeaders(), ...reply.getHeaders() });
    if (this.#clients.size === 0) {
      this.#timers = [
        setInterval(() => this.#beat(), HEARTBEAT_MS).unref(),
        setInterval(() => void this.#recheck(), RECHECK_INTERVAL_MS).unref(),
      ];
    }
    this.#clients.set(client, { holder, checkedAt: performance.now() });
    const streams = this.#byAccount.get(holder.accountId) ?? new Set();
    this.#byAccount.set(holder.accountId, streams.add(client));
    this.#gauge.inc();
    client.onClose(() => this.#forget(client));
    return client;
  }

  /** Ends all streams; new ones are refused. */
  close(): void {
    this.#closed = true;
    for (const client of this.#clients.keys()) client.close();
  }

  #beat(): void {
    for (const client of this.#clients.keys()) client.send(HEARTBEAT);
  }

  async #recheck(): Promise<void> {
    const now = performance.now();
    const due = [...this.#clients]
      .slice(0, RECHECKS_AT_ONCE)
      .filter(([, { checkedAt }]) => now - checkedAt >= RECHECK_AFTER_MS);
    for (const [client, { holder }] of due) {
      try {
        const allowed = await holder.isAllowed();
        if (!this.#clients.delete(client)) continue;
        this.#clients.set(client, { holder, checkedAt: now });
        if (!allowed) client.close();
      } catch (error) {
        // The database is away: who was allowed stays so until it can be asked again.
        this.#log.debug({ err: error }, "streams could not be checked");
        return;
      }
    }
  }

  /** The oldest stream of the account with the most, when that has more than this one would have; else null. */
  #streamToTake(accountId: string): SseClient | null {
    let most: ReadonlySet<SseClient> = new Set();
    for (const streams of this.#byAccount.values()) if (streams.size > most.size) most = streams;
    const own = this.#byAccount.get(accountId)?.size ?? 0;
    const [oldest = null] = most.size > own + 1 ? most : [];
    return oldest;
  }

  #takeStream(accountId: string): void {
    const client = this.#streamToTake(accountId);
    if (client === null) return;
    this.#forget(client);
    client.drop();
  }

  #forget(client: SseClient): void {
    const entry = this.#clients.get(client);
    if (entry === undefined) return;
    this.#clients.delete(client);
    const { accountId } = entry.holder;
    const streams = this.#byAccount.get(accountId);
    streams?.delete(client);
    if (streams?.size === 0) this.#byAccount.delete(accountId);
    this.#gauge.dec();
    if (this.#clients.size > 0) return;
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
  }
}

/** One stream. Writing to a closed one does nothing. */
export class SseClient {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get isOpen(): boolean {
    return this.#socket.writable;
  }

  onClose(listener: () => void): void {
    if (this.#socket.destroyed) queueMicrotask(listener);
    else this.#socket.once("close", listener);
  }

  /** The body lasts until the connection ends, so frames need no chunk headers (RFC 9112, 6.3). */
  begin(headers: Record<string, number | string | string[] | undefined>): void {
    const lines = Object.entries({
      ...headers,
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store, no-transform",
      connection: "close",
      "x-accel-buffering": "no",
      date: new Date().toUTCString(),
    }).flatMap(([name, value]) => [value ?? []].flat().map((one) => `${name}: ${one}\r\n`));
    const retryMs = Math.round(MIN_RETRY_MS + Math.random() * RETRY_SPREAD_MS);
    this.#socket.setTimeout(0);
    this.#socket.write(`HTTP/1.1 200 OK\r\n${lines.join("")}\r\nretry: ${retryMs}\n\n`);
  }

  /** Sends a frame; a client that does not keep up is dropped. */
  send(frame: Buffer): void {
    if (!this.isOpen) return;
    this.#socket.write(frame);
    if (this.#socket.writableLength > MAX_PENDING_BYTES) this.drop();
  }

  /** Sends a frame and waits until there is room for more; a client that takes too long is dropped. */
  async sendAndDrain(frame: Buffer): Promise<void> {
    if (!this.isOpen || this.#socket.write(frame)) return;
    const socket = this.#socket;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => socket.destroy(), DRAIN_TIMEOUT_MS);
      const done = () => {
        clearTimeout(timer);
        socket.off("drain", done).off("close", done);
        resolve();
      };
      socket.once("drain", done).once("close", done);
    });
  }

  /** Ends the stream when what was sent has left. */
  close(): void {
    this.#socket.destroySoon();
  }

  /** Ends the stream at once: one who does not read would keep the connection. */
  drop(): void {
    this.#socket.destroy();
  }
}
