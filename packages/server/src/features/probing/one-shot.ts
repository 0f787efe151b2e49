// Runs single probes without a job: for `POST /api/probes/test` and `nightbell check`.
import { parseTarget, type JobOptions, type OptionsOf, type ProbeType } from "@nightbell/contract";
import { systemClock } from "../../platform/clock.js";
import type { Logger } from "../../platform/log.js";
import { resolveHost } from "./address.js";
import type { IcmpResult } from "./icmp/index.js";
import { IcmpLink } from "./icmp-link.js";
import { icmpOutcome } from "./icmp-outcome.js";
import { failed } from "./outcome.js";
import type { ProbeNotes, ProbeOutcome } from "./prober.js";
import { createProbers } from "./probers/index.js";
import { runProbe } from "./run-probe.js";

export type StrayListener = (kind: "duplicate" | "late") => void;

export interface OneShotProber {
  /** Never throws; ends within 20 ms of the timeout in the options, or of the signal. `onStray` hears of later replies; `notes` are filled in. */
  readonly probe: (
    type: ProbeType,
    target: string,
    options: JobOptions,
    signal: AbortSignal,
    more?: { onStray?: StrayListener; notes?: ProbeNotes },
  ) => Promise<ProbeOutcome>;
  /** Starts the ICMP engine ahead of the first probe, which otherwise waits for it. */
  readonly warmUp: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** A few hundred probes at once; an engine of this size takes a megabyte. */
const ENGINE_LIMITS = { maxOutstanding: 4_096, maxTargets: 4_096, submissionRing: 1_024, resultRing: 1_024 };
/** Replies that come later than this after the result are nobody's. */
const STRAY_WINDOW_MS = 10_000;

export function createOneShotProber(options: { latencyApiUrl: string; log: Logger }): OneShotProber {
  const probers = createProbers({ latencyApiUrl: options.latencyApiUrl });
  const icmp = new OneShotIcmp(options.log);
  return {
    probe(type, target, options, signal, { onStray, notes } = {}) {
      if (type === "icmp") return icmp.probe(target, options as OptionsOf<"icmp">, signal, onStray);
      const request = { target, options, slot: systemClock.now(), seed: target, notes };
      return runProbe(probers, type, request, signal);
    },
    warmUp: () => icmp.start(),
    close: () => icmp.close(),
  };
}

interface Waiting {
  readonly settle: (result: IcmpResult) => void;
  readonly fail: (outcome: ProbeOutcome) => void;
}

/** An engine that is started by the first probe and kept. */
class OneShotIcmp {
  readonly #link: IcmpLink;
  readonly #waiting = new Map<number, Waiting>();
  readonly #strays = new Map<number, StrayListener>();
  #nextTag = 0;

  constructor(log: Logger) {
    this.#link = new IcmpLink(
      {
        onResult: (result) => this.#waiting.get(result.tag)?.settle(result),
        onStray: (tag, kind) => this.#strays.get(tag)?.(kind),
        onLoss: (failure) => {
          for (const { fail } of this.#waiting.values()) fail(failed(failure));
        },
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
      this.#link.start(),
    ]);
    if (!resolution.ok) return failed(resolution);
    const remainingMs = Math.max(1, Math.ceil(deadline - performance.now()));
    return this.#send(resolution.address, options, remainingMs, signal, onStray);
  }

  start(): Promise<void> {
    return this.#link.start();
  }

  close(): Promise<void> {
    return this.#link.close();
  }

  #send(
    address: string,
    options: OptionsOf<"icmp">,
    timeoutMs: number,
    signal: AbortSignal,
    onStray?: StrayListener,
  ): Promise<ProbeOutcome> {
    const { engine } = this.#link;
    if (engine === null) return Promise.resolve(failed(this.#link.failure, { address }));
    const tag = this.#nextTag;
    this.#nextTag = (tag + 1) >>> 0;
    return new Promise((resolve) => {
      let target: number;
      try {
        target = engine.addTarget(address, options);
      } catch (error) {
        return resolve(failed({ code: "socket", error: String(error) }, { address }));
      }
      const cancel = (): void => void engine.cancel(tag);
      const end = (outcome: ProbeOutcome): void => {
        signal.removeEventListener("abort", cancel);
        this.#waiting.delete(tag);
        engine.removeTarget(target);
        setTimeout(() => this.#strays.delete(tag), STRAY_WINDOW_MS).unref();
        resolve(outcome);
      };
      this.#waiting.set(tag, {
        settle: (result) => end(icmpOutcome(result, address, options.timeoutMs)),
        fail: end,
      });
      if (onStray !== undefined) this.#strays.set(tag, onStray);
      signal.addEventListener("abort", cancel, { once: true });
      if (!engine.submit(target, tag, systemClock.now(), timeoutMs)) {
        end(failed({ code: "overloaded", error: "too many ICMP probes are under way" }, { address }));
      } else if (signal.aborted) cancel();
    });
  }
}
