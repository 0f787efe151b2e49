// The references of a poller, and the misses that wait for them: put together, and shown in /metrics.
import { type OptionsOf, TcpOptions } from "@nightbell/contract";
import { Counter, Gauge, type Registry } from "prom-client";
import type { ReferenceTarget } from "../../../config/references.js";
import type { Clock } from "../../../platform/clock.js";
import type { Logger } from "../../../platform/log.js";
import type { ReferenceStats } from "../../pollers/index.js";
import type { ProbeOutcome, ProbeRequest } from "../prober.js";
import { HeldMisses } from "./held-misses.js";
import { References } from "./references.js";
import { REFERENCE_TIMEOUT_MS } from "./rules.js";

/** The poller's own ways of probing. */
export interface ReferenceProbes {
  readonly icmp: (host: string, timeoutMs: number, signal: AbortSignal) => Promise<ProbeOutcome>;
  readonly tcp: (request: ProbeRequest<OptionsOf<"tcp">>, signal: AbortSignal) => Promise<ProbeOutcome>;
}

export interface SelfCheckOptions {
  readonly references?: readonly ReferenceTarget[] | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly registry: Registry;
}

export class SelfCheck {
  readonly misses: HeldMisses;
  readonly #references: References;

  /** Null without references: then nothing is asked, and nothing is held back. */
  static of(options: SelfCheckOptions, probes: ReferenceProbes): SelfCheck | null {
    const { references: targets = [] } = options;
    return targets.length === 0 ? null : new SelfCheck(targets, options, probes);
  }

  private constructor(
    targets: readonly ReferenceTarget[],
    { clock, log, registry }: SelfCheckOptions,
    probes: ReferenceProbes,
  ) {
    this.#references = new References({
      targets,
      ask: (target, signal) => ask(probes, target, signal, clock.now()),
      decided: () => this.misses.review(),
      clock,
      log,
    });
    const excused = new Counter({
      name: "nightbell_poller_excused_misses_total",
      help: "Misses that are errors of ours, as the poller was offline",
      registers: [registry],
    });
    this.misses = new HeldMisses({ references: this.#references, excused: () => excused.inc(), clock });
    this.#addGauges(registry);
  }

  start(): void {
    this.#references.start();
  }

  stop(): void {
    this.#references.stop();
  }

  stats(): ReferenceStats {
    return this.#references.stats();
  }

  #addGauges(registry: Registry): void {
    const gauge = (name: string, help: string, read: () => number) =>
      new Gauge({
        name: `nightbell_poller_${name}`,
        help,
        registers: [registry],
        collect() {
          this.set(read());
        },
      });
    const references = this.#references;
    gauge("references", "Reference targets of this poller", () => references.count);
    gauge(
      "references_reachable",
      "Reference targets that answered when last asked",
      () => references.reachableCount,
    );
    gauge("offline", "Whether no reference target that counts answers (1) or one does (0)", () =>
      references.isOffline ? 1 : 0,
    );
    gauge("held_misses", "Misses that wait for the answer of a reference target", () => this.misses.count);
  }
}

function ask(
  { icmp, tcp }: ReferenceProbes,
  { type, host, name }: ReferenceTarget,
  signal: AbortSignal,
  now: number,
): Promise<ProbeOutcome> {
  if (type === "icmp") return icmp(host, REFERENCE_TIMEOUT_MS, signal);
  const options = TcpOptions.parse({ timeoutMs: REFERENCE_TIMEOUT_MS });
  return tcp({ target: name, options, slot: now, seed: name }, signal);
}
