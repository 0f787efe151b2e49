// Takes the evidence that is due, a few at a time, while it still says something about the moment. Everything waits in the
// source, where the most urgent and newest comes first; what is not reached in time expires there. So an outage of ten
// thousand targets costs the network no more than a few bursts.
import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "../../platform/clock.js";
import { failureLevel } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import { LeaseLostError } from "../../platform/lease.js";
import type { Logger } from "../../platform/log.js";
import { Rounds } from "../../platform/rounds.js";
import { Semaphore } from "../../platform/semaphore.js";
import { Trouble } from "../../platform/trouble.js";
import type { OneShotProber } from "../probing/index.js";
import type { EvidenceMetrics } from "./metrics.js";
import type { EvidenceEnding, EvidenceJob, EvidenceRequest, EvidenceSource } from "./source.js";
import { takeEvidence, type EvidenceTools } from "./take.js";

/** A burst every half second at most, and what that takes in sockets. */
export const MAX_UNDER_WAY = 4;
/** Three answers of each hop in some four seconds: with more at once, routers that answer one a second fall silent. */
const MAX_TRACES = 2;
/** Between two looks when notifications rain, and without any. */
const LOOK_PAUSE_MS = 50;
const LOOK_INTERVAL_MS = 2_000;

export interface EvidenceRunnerOptions {
  readonly source: EvidenceSource;
  readonly prober: Pick<OneShotProber, "probe" | "trace">;
  readonly metrics: EvidenceMetrics;
  readonly clock: Clock;
  readonly log: Logger;
}

export class EvidenceRunner {
  readonly #options: EvidenceRunnerOptions;
  readonly #tools: EvidenceTools;
  readonly #rounds = new Rounds({ pauseMs: LOOK_PAUSE_MS, intervalMs: LOOK_INTERVAL_MS });
  readonly #underWay = new Set<Promise<void>>();
  /** By job: two alerts about one job share what is being found out. */
  readonly #takings = new Map<string, Promise<EvidenceEnding>>();
  readonly #stopping = new AbortController();
  readonly #trouble: Trouble;
  readonly #looking: Promise<void>;

  /** Begins at once. */
  constructor(options: EvidenceRunnerOptions) {
    this.#options = options;
    // Nobody is refused: no more are under way than may wait.
    const turns = new Semaphore(
      { concurrency: MAX_TRACES, queue: MAX_UNDER_WAY },
      () => new NightbellError("limit_reached", "Too many paths are being traced."),
    );
    this.#tools = { ...options, inTurn: (trace) => turns.run(trace) };
    this.#trouble = new Trouble(options.log, {
      began: "evidence that is due cannot be read; trying again",
      over: "evidence that is due can be read again",
    });
    this.#looking = this.#look();
  }

  /** There may be something due. */
  wake(): void {
    this.#rounds.wake();
  }

  /** Takes nothing more, and leaves what is under way to others; at the deadline they find out by the leases. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping.abort();
    this.#rounds.stop();
    const ended = this.#looking.then(() => Promise.all(this.#underWay));
    const timer = new AbortController();
    const tooLate = delay(deadlineMs, undefined, { signal: timer.signal }).catch(() => undefined);
    await Promise.race([ended, tooLate]);
    timer.abort();
  }

  async #look(): Promise<void> {
    do {
      try {
        await this.#takeDue();
        this.#trouble.worked();
      } catch (error) {
        this.#trouble.failed(error);
      }
    } while (await this.#rounds.next());
  }

  async #takeDue(): Promise<void> {
    const free = MAX_UNDER_WAY - this.#underWay.size;
    if (free === 0 || this.#stopping.signal.aborted) return;
    for (const request of await this.#options.source.due(free)) {
      const run = this.#run(request).finally(() => {
        this.#underWay.delete(run);
        this.#options.metrics.underWay.dec();
        this.wake(); // A place is free.
      });
      this.#underWay.add(run);
      this.#options.metrics.underWay.inc();
    }
  }

  async #run(request: EvidenceRequest): Promise<void> {
    const { source, metrics, log } = this.#options;
    try {
      const ending = await this.#take(request.job);
      if (this.#stopping.signal.aborted) {
        await source.giveBack(request);
        return;
      }
      await source.finish(request, ending);
      metrics.ended(ending.state);
    } catch (error) {
      if (error instanceof LeaseLostError) metrics.ended("lost");
      // The lease runs out, and somebody takes it again.
      else log[failureLevel(error)]({ err: error, id: request.id }, "evidence could not be stored");
    }
  }

  #take(job: EvidenceJob): Promise<EvidenceEnding> {
    const known = this.#takings.get(job.id);
    if (known !== undefined) return known;
    const taking = takeEvidence(job, this.#tools, this.#stopping.signal)
      .catch((error: unknown): EvidenceEnding => {
        this.#options.log.error({ err: error, jobId: job.id }, "evidence could not be taken");
        return { state: "failed", text: "an unexpected error stopped the poller", findings: null };
      })
      .finally(() => this.#takings.delete(job.id));
    this.#takings.set(job.id, taking);
    return taking;
  }
}
