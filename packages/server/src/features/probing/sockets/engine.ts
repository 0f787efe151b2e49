// Keeps a socket worker running. While there is none — it starts, it died, this system is not supported — probes open
// their connections through Node, which costs several times as much and measures the same.
import type { Clock } from "../../../platform/clock.js";
import type { Logger } from "../../../platform/log.js";
import { SocketThread } from "./thread.js";

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 60_000;
/** A thread that ran this long before it died did not die of its start. */
const HEALTHY_AFTER_MS = 60_000;
/** Platforms whose system call interface ../libc.ts describes. */
const SUPPORTED_ARCHITECTURES: readonly string[] = ["x64", "arm64", "riscv64"];

export class SocketEngine {
  readonly #clock: Clock;
  readonly #log: Logger;
  #thread: SocketThread | null = null;
  #starting: Promise<void> | null = null;
  #startedAt = 0;
  #failures = 0;
  #retryAt = -Infinity;
  #isClosed = process.platform !== "linux" || !SUPPORTED_ARCHITECTURES.includes(process.arch);

  constructor({ clock, log }: { clock: Clock; log: Logger }) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Null while there is none; asking for it starts one when the time has come. */
  get thread(): SocketThread | null {
    if (this.#thread === null) void this.start();
    return this.#thread;
  }

  /** Resolves when a thread runs, or cannot. Never throws. */
  start(): Promise<void> {
    const isDue = this.#thread === null && !this.#isClosed && this.#clock.monotonic() >= this.#retryAt;
    if (isDue)
      this.#starting ??= this.#start().finally(() => {
        this.#starting = null;
      });
    return this.#starting ?? Promise.resolve();
  }

  /** Exchanges under way end as cancelled. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#starting;
    await this.#thread?.close();
    this.#thread = null;
  }

  async #start(): Promise<void> {
    try {
      this.#thread = await SocketThread.start((error) => this.#lose(error));
      this.#startedAt = this.#clock.monotonic();
    } catch (error) {
      this.#backOff(error, "the socket worker cannot start; connections are opened through Node");
    }
  }

  #lose(error: Error): void {
    this.#thread = null;
    if (this.#clock.monotonic() - this.#startedAt > HEALTHY_AFTER_MS) this.#failures = 0;
    this.#backOff(error, "the socket worker died; until it runs again connections are opened through Node");
  }

  #backOff(error: unknown, what: string): void {
    const waitMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, LAST_RETRY_MS);
    this.#failures += 1;
    this.#retryAt = this.#clock.monotonic() + waitMs;
    this.#log.warn({ err: error, retryAfterMs: waitMs }, what);
  }
}
