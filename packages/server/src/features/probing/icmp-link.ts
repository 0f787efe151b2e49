// Keeps an ICMP engine running: started when asked for, started again after it died, and while there is none, the reason.
import type { Clock } from "../../platform/clock.js";
import type { Logger } from "../../platform/log.js";
import { IcmpEngine, IcmpUnavailableError, type EngineLimits, type IcmpResult } from "./icmp/index.js";
import type { Failure } from "./outcome.js";

const FIRST_RETRY_MS = 500;
/** Permission may be granted while the program runs; it is asked for this often. */
const LAST_RETRY_MS = 60_000;
/** An engine that ran this long before it died did not die of its start. */
const HEALTHY_AFTER_MS = 60_000;

export interface IcmpLinkEvents {
  onResult: (result: IcmpResult) => void;
  onStray: (tag: number, kind: "duplicate" | "late", atMs: number) => void;
  /** The engine died: its targets and whatever was outstanding are gone. */
  onLoss: (failure: Failure) => void;
}

export interface IcmpLinkOptions {
  clock: Clock;
  log: Logger;
  limits?: Partial<EngineLimits>;
  startEngine?: typeof IcmpEngine.start;
}

export class IcmpLink {
  readonly #events: IcmpLinkEvents;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #limits: Partial<EngineLimits>;
  readonly #startEngine: typeof IcmpEngine.start;
  #engine: IcmpEngine | null = null;
  #failure: Failure = { code: "overloaded", error: "the ICMP engine has not started yet" };
  #starting: Promise<void> | null = null;
  #startedAt = 0;
  #failures = 0;
  #retryAt = -Infinity;
  #isClosed = false;

  constructor(events: IcmpLinkEvents, { clock, log, limits = {}, startEngine }: IcmpLinkOptions) {
    this.#events = events;
    this.#clock = clock;
    this.#log = log;
    this.#limits = limits;
    this.#startEngine = startEngine ?? ((options) => IcmpEngine.start(options));
  }

  /** The running engine, null while there is none; asking for it starts it when the time has come. */
  get engine(): IcmpEngine | null {
    if (this.#engine === null) void this.start();
    return this.#engine;
  }

  /** Why there is no engine. */
  get failure(): Failure {
    return this.#failure;
  }

  /** Resolves when an engine runs, or cannot. Never throws. */
  start(): Promise<void> {
    const isDue = this.#engine === null && !this.#isClosed && this.#clock.monotonic() >= this.#retryAt;
    if (isDue)
      this.#starting ??= this.#start().finally(() => {
        this.#starting = null;
      });
    return this.#starting ?? Promise.resolve();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#starting;
    const engine = this.#engine;
    this.#engine = null;
    await engine?.close();
  }

  async #start(): Promise<void> {
    try {
      const { onResult, onStray } = this.#events;
      const onFailure = (error: Error) => this.#lose(error);
      const engine = await this.#startEngine({ onResult, onStray, onFailure, limits: this.#limits });
      this.#log.info({ ipv4: engine.ipv4, ipv6: engine.ipv6 }, "the ICMP engine runs");
      this.#startedAt = this.#clock.monotonic();
      this.#engine = engine;
    } catch (error) {
      const code = error instanceof IcmpUnavailableError ? error.code : "internal";
      this.#failure = { code, error: error instanceof Error ? error.message : String(error) };
      this.#backOff("icmp probes cannot be sent");
    }
  }

  #lose(error: Error): void {
    this.#engine = null;
    if (this.#clock.monotonic() - this.#startedAt > HEALTHY_AFTER_MS) this.#failures = 0;
    this.#failure = {
      code: "socket",
      error: `the ICMP engine stopped (${error.message}); it is being restarted`,
    };
    this.#backOff("the ICMP engine stopped");
    this.#events.onLoss(this.#failure);
  }

  #backOff(what: string): void {
    const waitMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, LAST_RETRY_MS);
    this.#failures += 1;
    this.#retryAt = this.#clock.monotonic() + waitMs;
    this.#log.warn({ reason: this.#failure.error, retryAfterMs: waitMs }, what);
  }
}
