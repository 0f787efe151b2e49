// Single echo requests, each with a promise of what came of it, over an engine that the first one starts. Beside the
// poller's engine it is another one with sockets of its own: what is asked by hand, and the paths that are traced, cost
// scheduled probes nothing.
import { parseTarget, type OptionsOf } from "@nightbell/contract";
import { systemClock } from "../../platform/clock.js";
import type { Logger } from "../../platform/log.js";
import { resolveHost } from "./address.js";
import { IcmpLink } from "./icmp-link.js";
import { icmpOutcome } from "./icmp-outcome.js";
import { failed } from "./outcome.js";
import type { ProbeOutcome } from "./prober.js";
import { type EchoReading, type EchoRequest, SingleEchoes, type StrayListener } from "./single-echoes.js";

/** A few hundred probes at once; an engine of this size takes a megabyte. */
const ENGINE_LIMITS = { maxOutstanding: 4_096, maxTargets: 4_096, submissionRing: 1_024, resultRing: 1_024 };

export class OneShotIcmp {
  readonly #link: IcmpLink;
  readonly #echoes = new SingleEchoes(systemClock);

  constructor(log: Logger) {
    this.#link = new IcmpLink(
      {
        onResult: (result) => this.#echoes.take(result),
        onStray: (tag, kind) => this.#echoes.takeStray(tag, kind),
        onLoss: (failure) => this.#echoes.lose(failure),
      },
      { clock: systemClock, log, limits: ENGINE_LIMITS },
    );
  }

  async probe(
    text: string,
    options: OptionsOf<"icmp">,
    signal: AbortSignal,
    onStray?: StrayListener,
  ): Promise<ProbeOutcome> {
    const deadline = performance.now() + options.timeoutMs;
    const parsed = parseTarget("icmp", text);
    if (!parsed.ok || parsed.target.type !== "icmp")
      return failed({ code: "internal", error: `${text} is not a target of icmp` });
    const [resolution] = await Promise.all([
      resolveHost(parsed.target.host, options.family, { timeoutMs: options.timeoutMs, signal }),
      this.start(),
    ]);
    if (!resolution.ok) return failed(resolution);
    const { address } = resolution;
    const remainingMs = Math.max(1, Math.ceil(deadline - performance.now()));
    return this.echo(address, { ...options, timeoutMs: remainingMs, onStray }, signal, {
      result: (result) => icmpOutcome(result, address, options.timeoutMs),
      failure: (failure) => failed(failure, { address }),
    });
  }

  /** Starts the engine ahead of the first probe, which otherwise finds none. */
  start(): Promise<void> {
    return this.#link.start();
  }

  close(): Promise<void> {
    return this.#link.close();
  }

  /** Sends one echo request to a numeric address. Never throws; ends as cancelled when the signal aborts. */
  echo<T>(address: string, request: EchoRequest, signal: AbortSignal, reading: EchoReading<T>): Promise<T> {
    const { engine } = this.#link;
    if (engine === null) return Promise.resolve(reading.failure(this.#link.failure));
    return this.#echoes.send(engine, address, request, signal, reading);
  }
}
