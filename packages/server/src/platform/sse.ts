// Server-sent events (the EventSource section of the HTML standard) to many clients at little cost: a frame is built
// once and written as it is to every socket; one timer serves all of them.
import type { Socket } from "node:net";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Gauge, register, type Registry } from "prom-client";
import { NightbellError } from "./errors.js";

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

/** An event as it travels. Neither part may contain a line break. */
export function sseFrame(id: string, data: string): Buffer {
  return Buffer.from(`id: ${id}\ndata: ${data}\n\n`);
}

/** All streams of one server. */
export class SseServer {
  readonly #maxConnections: number;
  readonly #clients = new Set<SseClient>();
  readonly #gauge: Gauge;
  #heartbeat: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: { maxConnections: number; registry?: Registry }) {
    this.#maxConnections = options.maxConnections;
    this.#gauge = connectionGauge(options.registry ?? register);
  }

  get connectionCount(): number {
    return this.#clients.size;
  }

  /** Throws `too_many_streams` when there is no room for one more. */
  assertRoom(): void {
    if (this.#closed) throw new NightbellError("not_ready", "This server is going down; connect again.");
    if (this.#clients.size < this.#maxConnections) return;
    throw new NightbellError(
      "too_many_streams",
      `This server already serves ${this.#maxConnections} live connections; try again later, or raise SSE_MAX_CONNECTIONS.`,
      { retryAfterSeconds: RETRY_AFTER_SECONDS },
    );
  }

  /** Takes the request's socket over and begins the stream. Throws `too_many_streams`. */
  open(request: FastifyRequest, reply: FastifyReply): SseClient {
    this.assertRoom();
    const client = new SseClient(request.raw.socket);
    reply.hijack();
    client.begin({ ...reply.raw.getHeaders(), ...reply.getHeaders() });
    this.#clients.add(client);
    this.#gauge.inc();
    client.onClose(() => this.#forget(client));
    this.#heartbeat ??= setInterval(() => this.#beat(), HEARTBEAT_MS).unref();
    return client;
  }

  /** Ends all streams; new ones are refused. */
  close(): void {
    this.#closed = true;
    for (const client of this.#clients) client.close();
  }

  #beat(): void {
    for (const client of this.#clients) client.send(HEARTBEAT);
  }

  #forget(client: SseClient): void {
    if (!this.#clients.delete(client)) return;
    this.#gauge.dec();
    if (this.#clients.size > 0) return;
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
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
    this.#socket.once("close", listener);
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
    if (this.#socket.writableLength > MAX_PENDING_BYTES) this.#socket.destroy();
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

  close(): void {
    this.#socket.destroySoon();
  }
}

function connectionGauge(registry: Registry): Gauge {
  const name = "nightbell_stream_connections";
  const existing = registry.getSingleMetric(name) as Gauge | undefined;
  return existing ?? new Gauge({ name, help: "Open live streams", registers: [registry] });
}
