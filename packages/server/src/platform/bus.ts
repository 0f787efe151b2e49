// Wake-ups between processes by Postgres' LISTEN/NOTIFY, on a connection of its own. A wake-up that is lost costs
// latency, never work: whoever listens also looks by itself.
import { randomUUID } from "node:crypto";
import { Client, escapeIdentifier } from "pg";
import { failureLevel } from "./db.js";
import type { Logger } from "./log.js";

const CONNECT_TIMEOUT_MS = 5_000;
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 10_000;
/** How often the connection proves that notifications pass through it, and how long the proof may take. */
const SELF_TEST_INTERVAL_MS = 30_000;
const SELF_TEST_TIMEOUT_MS = 10_000;
const SELF_TEST_CHANNEL = "nightbell_self_test";

/** Called with the payload of a notification, and with null when some may have been missed. */
export type Listener = (payload: string | null) => void;

/**
 * Listens to channels, reconnecting for as long as it is open. A connection that is silent or does not pass
 * notifications on (a transaction pooler, for one) fails its self-test and is replaced.
 */
export class Bus {
  readonly #url: string;
  readonly #log: Logger;
  readonly #listeners = new Map<string, Set<Listener>>();
  #client: Client | null = null;
  #timer: NodeJS.Timeout | undefined;
  /** The self-test under way, and what it waits for. */
  #expectedToken: string | null = null;
  #failures = 0;
  #closed = false;

  constructor(url: string, log: Logger) {
    this.#url = url;
    this.#log = log;
  }

  /** Connects in the background; channels are those subscribed to before. */
  start(): void {
    void this.#connect();
  }

  /** To be called before `start`. */
  subscribe(channel: string, listener: Listener): void {
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners.add(listener));
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = null;
    await client?.end().catch(() => undefined);
  }

  async #connect(): Promise<void> {
    const client = new Client({
      connectionString: this.#url,
      application_name: "nightbell bus",
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: CONNECT_TIMEOUT_MS,
      keepAlive: true,
    });
    this.#client = client;
    client.on("error", (error) => this.#lose(client, error));
    client.on("end", () => this.#lose(client, new Error("Connection terminated")));
    client.on("notification", ({ channel, payload }) => this.#receive(channel, payload ?? ""));
    try {
      await client.connect();
      for (const channel of [SELF_TEST_CHANNEL, ...this.#listeners.keys()]) {
        await client.query(`listen ${escapeIdentifier(channel)}`);
      }
      for (const listeners of this.#listeners.values()) for (const listener of listeners) listener(null);
      await this.#test(client);
    } catch (error) {
      this.#lose(client, error);
    }
  }

  async #test(client: Client): Promise<void> {
    this.#expectedToken = randomUUID();
    this.#timer = setTimeout(
      () => this.#lose(client, new Error("notifications do not arrive; is this a transaction pooler?")),
      SELF_TEST_TIMEOUT_MS,
    );
    await client.query("select pg_notify($1, $2)", [SELF_TEST_CHANNEL, this.#expectedToken]);
  }

  #receive(channel: string, payload: string): void {
    if (channel !== SELF_TEST_CHANNEL) {
      for (const listener of this.#listeners.get(channel) ?? []) listener(payload);
      return;
    }
    const client = this.#client;
    if (payload !== this.#expectedToken || client === null) return;
    this.#expectedToken = null;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => void this.#test(client).catch((error: unknown) => this.#lose(client, error)),
      SELF_TEST_INTERVAL_MS,
    );
    this.#timer.unref();
    if (this.#failures > 0) this.#log.debug("notifications of the database arrive again");
    this.#failures = 0;
  }

  #lose(client: Client, error: unknown): void {
    if (this.#client !== client || this.#closed) return;
    this.#client = null;
    clearTimeout(this.#timer);
    void client.end().catch(() => undefined);
    if (this.#failures === 0) {
      this.#log[failureLevel(error)](
        { err: error },
        "no notifications of the database; changes are noticed within a second",
      );
    }
    const waitMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, LAST_RETRY_MS);
    this.#failures += 1;
    this.#timer = setTimeout(() => void this.#connect(), waitMs * (0.5 + Math.random() / 2));
  }
}
