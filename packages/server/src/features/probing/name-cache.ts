// Addresses of the hosts that ICMP probes go to: looked up in the background, so that no slot waits for a name server.
import { setMaxListeners } from "node:events";
import { isIP } from "node:net";
import type { Clock } from "../../platform/clock.js";
import { resolveHost, type AddressFamily, type Resolution } from "./address.js";
import { ConcurrencyLimit } from "./concurrency.js";

/** An address is looked up again when it is used at this age. */
const FRESH_MS = 60_000;
/** A failure is shorter-lived, so that a recovery shows soon. */
const FAILURE_FRESH_MS = 5_000;
/** When our resolver fails, the last known address stays in use for this long. */
const KEEP_MS = 600_000;
const LOOK_UP_TIMEOUT_MS = 5_000;
const MAX_LOOK_UPS = 32;
/** Hosts remembered; the oldest are forgotten first. */
const MAX_HOSTS = 131_072;

interface Entry {
  resolution: Resolution | null;
  resolvedAt: number;
  /** The look-up under way. */
  pending: Promise<Resolution> | null;
}

export type Resolve = (host: string, family: AddressFamily, signal: AbortSignal) => Promise<Resolution>;

const resolveBySystem: Resolve = (host, family, signal) =>
  resolveHost(host, family, { timeoutMs: LOOK_UP_TIMEOUT_MS, signal });

export class NameCache {
  readonly #clock: Clock;
  readonly #resolve: Resolve;
  readonly #limit: ConcurrencyLimit;
  readonly #entries = new Map<string, Entry>();
  readonly #abort = new AbortController();

  constructor(clock: Clock, resolve: Resolve = resolveBySystem) {
    this.#clock = clock;
    this.#limit = new ConcurrencyLimit(clock, MAX_LOOK_UPS);
    this.#resolve = resolve;
    setMaxListeners(0, this.#abort.signal);
  }

  /**
   * What is known, at once; a promise only for a host that was not looked up before. What has aged is looked up again
   * in the background. Numeric addresses are checked, not remembered.
   */
  get(host: string, family: AddressFamily): Resolution | Promise<Resolution> {
    if (isIP(host) !== 0) return this.#resolve(host, family, this.#abort.signal);
    const entry = this.#entry(`${family} ${host}`);
    const { resolution } = entry;
    const age = this.#clock.monotonic() - entry.resolvedAt;
    if (resolution !== null && age < (resolution.ok ? FRESH_MS : FAILURE_FRESH_MS)) return resolution;
    entry.pending ??= this.#lookUp(entry, host, family);
    return resolution ?? entry.pending;
  }

  close(): void {
    this.#abort.abort();
    this.#limit.clear();
  }

  #entry(key: string): Entry {
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined && this.#entries.size >= MAX_HOSTS) this.#entries.delete(oldest);
    const entry: Entry = { resolution: null, resolvedAt: -Infinity, pending: null };
    this.#entries.set(key, entry);
    return entry;
  }

  #lookUp(entry: Entry, host: string, family: AddressFamily): Promise<Resolution> {
    return new Promise((resolve) => {
      const settle = (found: Resolution): void => {
        entry.pending = null;
        resolve(this.#update(entry, found));
      };
      const fail = (error: string): void => settle({ ok: false, code: "resolver", error });
      this.#limit.submit({
        deadline: this.#clock.monotonic() + LOOK_UP_TIMEOUT_MS,
        run: async () => settle(await this.#resolve(host, family, this.#abort.signal)),
        expire: () => fail(`${host} was not looked up in time: too many other names wait for our resolver`),
        drop: () => fail(`${host} was not looked up: the poller stops`),
      });
    });
  }

  #update(entry: Entry, found: Resolution): Resolution {
    const now = this.#clock.monotonic();
    const isOurFault = !found.ok && found.code === "resolver";
    if (isOurFault && entry.resolution?.ok === true && now - entry.resolvedAt < KEEP_MS)
      return entry.resolution;
    entry.resolution = found;
    entry.resolvedAt = now;
    return found;
  }
}
