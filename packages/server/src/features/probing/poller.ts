// The poller: from the jobs of a location to their samples. What it is made of meets here:
// assignments → schedule → probes (ICMP engine, connections, simulator) → recorder → sample writer.
import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { Registry } from "prom-client";
import type { ReferenceTarget } from "../../config/references.js";
import type { Clock } from "../../platform/clock.js";
import type { Logger } from "../../platform/log.js";
import type { Load, Shares } from "../pollers/index.js";
import { Assignments, type JobHolder } from "./assignments.js";
import { Completions } from "./completions.js";
import { ConcurrencyLimit } from "./concurrency.js";
import { ConnectionProbes } from "./connection-probes.js";
import { HeartbeatProbes, type HeartbeatProbesOptions } from "./heartbeat-probes.js";
import { IcmpProbes } from "./icmp-probes.js";
import type { JobSource } from "./job-source.js";
import { MeasuredJob, type JobDefinition } from "./measured-job.js";
import { pollerMetrics, type PollerMetrics } from "./poller-metrics.js";
import type { JobRevision } from "./queries.js";
import { createProbers, createSimulatedProber, type Probers } from "./probers/index.js";
import { type PendingSample, Recorder, type SampleSink } from "./recorder.js";
import { SelfCheck } from "./references/index.js";
import { runProbe } from "./run-probe.js";
import { Schedule, type ScheduleEvents } from "./schedule.js";
import { SocketEngine } from "./sockets/index.js";

/** Of the time to drain, what is kept for storing the last results. */
const STORE_RESERVE_MS = 2_000;

/** Where samples go: the sample writer. */
export interface PollerSink extends SampleSink {
  flush(): Promise<void>;
  stop(deadlineMs: number): Promise<void>;
}

export interface PollerOptions {
  source: JobSource;
  locationNo: number;
  shares: Shares;
  /** POLL_INTERVAL_MS */
  compareIntervalMs: number;
  /** CONCURRENCY; undefined adapts. */
  concurrency: number | undefined;
  sink: PollerSink;
  /** LATENCY_API_URL */
  latencyApiUrl: string;
  /** REFERENCE_TARGETS */
  references?: readonly ReferenceTarget[] | undefined;
  complete: (jobNos: number[], now: number) => Promise<unknown>;
  readHeartbeats: HeartbeatProbesOptions["read"];
  /** A job is not measured here any more, or has been changed. */
  changed: (jobNo: number) => void;
  clock: Clock;
  log: Logger;
  registry: Registry;
}

export class Poller implements JobHolder, ScheduleEvents {
  readonly #options: PollerOptions;
  readonly #jobs = new Map<number, MeasuredJob>();
  readonly #metrics: PollerMetrics;
  readonly #schedule: Schedule;
  readonly #assignments: Assignments;
  readonly #completions: Completions;
  readonly #recorder: Recorder;
  readonly #selfCheck: SelfCheck | null;
  readonly #connections: ConnectionProbes;
  readonly #heartbeats: HeartbeatProbes;
  readonly #icmp: IcmpProbes;
  readonly #sockets: SocketEngine;
  readonly #probers: Probers;

  /** Resolves when the jobs are known and being measured. Throws when they cannot be read. */
  static async start(options: PollerOptions): Promise<Poller> {
    const poller = new Poller(options);
    await poller.#icmp.open();
    poller.#selfCheck?.start();
    poller.#schedule.start();
    await poller.#assignments.start();
    return poller;
  }

  private constructor(options: PollerOptions) {
    const { clock, log, sink, locationNo } = options;
    const limit = new ConcurrencyLimit(clock, options.concurrency);
    this.#options = options;
    this.#metrics = pollerMetrics(options.registry, clock, {
      jobs: () => this.#jobs.size,
      inFlight: () => this.#recorder.inFlight - limit.waiting - (this.#selfCheck?.misses.count ?? 0),
      waiting: () => limit.waiting,
      concurrencyLimit: () => limit.limit,
    });
    this.#completions = new Completions({
      flush: () => sink.flush(),
      complete: (jobNos) => options.complete(jobNos, clock.now()),
      log,
    });
    this.#selfCheck = SelfCheck.of(options, {
      icmp: (host, timeoutMs, signal) => this.#icmp.probe(host, timeoutMs, signal),
      tcp: (request, signal) => this.#probers.tcp.probe(request, signal),
    });
    this.#recorder = new Recorder({
      locationNo,
      sink,
      metrics: this.#metrics,
      clock,
      log,
      misses: this.#selfCheck?.misses,
      ended: (job) => this.#completions.add(job.definition.jobNo),
    });
    this.#connections = new ConnectionProbes(this.#recorder, limit, clock);
    this.#heartbeats = new HeartbeatProbes(this.#recorder, { read: options.readHeartbeats, clock, log });
    this.#icmp = new IcmpProbes(this.#recorder, { clock, log });
    this.#sockets = new SocketEngine({ clock, log });
    this.#probers = createProbers({ latencyApiUrl: options.latencyApiUrl, engine: this.#sockets });
    this.#schedule = new Schedule(clock, this);
    this.#assignments = new Assignments({ ...options, holder: this });
  }

  /** What it does at the moment. */
  load(): Load {
    return {
      jobCount: this.#jobs.size,
      ...this.#metrics.recent(),
      references: this.#selfCheck?.stats(),
    };
  }

  /** Jobs may have changed: look now. */
  wake(): void {
    this.#assignments.wake();
  }

  /**
   * No slot starts any more; probes under way may end and their results are stored. What is still under way shortly
   * before the deadline is cancelled and leaves a gap, as does a miss that is held back: nothing is known about the target.
   */
  async stop(deadlineMs: number): Promise<void> {
    const deadline = this.#options.clock.monotonic() + deadlineMs;
    const remaining = () => Math.max(0, deadline - this.#options.clock.monotonic());
    this.#schedule.stop();
    this.#connections.dropWaiting();
    const ended = Promise.all([this.#recorder.idle(), this.#assignments.stop()]);
    await Promise.race([ended, delay(Math.max(0, remaining() - STORE_RESERVE_MS))]);
    this.#recorder.close();
    this.#selfCheck?.stop();
    this.#connections.cancel();
    await Promise.all([this.#icmp.close(), this.#sockets.close()]);
    await Promise.race([this.#completions.stop(), delay(remaining() / 2)]);
    await this.#options.sink.stop(remaining());
  }

  // What assignments ask of the holder of the jobs.

  revisionOf(jobNo: number): number | undefined {
    return this.#jobs.get(jobNo)?.definition.revision;
  }

  *held(): Iterable<JobRevision> {
    for (const { definition } of this.#jobs.values()) yield definition;
  }

  put(definition: JobDefinition): void {
    const known = this.#jobs.get(definition.jobNo);
    const job = known ?? new MeasuredJob(definition);
    const isSameTarget =
      known?.definition.target === definition.target &&
      isDeepStrictEqual(known.definition.options, definition.options);
    if (known !== undefined) this.#options.changed(definition.jobNo);
    known?.redefine(definition);
    this.#jobs.set(definition.jobNo, job);
    if (isIcmp(job) && !isSameTarget) this.#icmp.prepare(job);
    this.#schedule.put(job);
  }

  remove(jobNo: number, reason: "deleted" | "stopped"): void {
    const job = this.#jobs.get(jobNo);
    if (job === undefined) return;
    job.isDeleted = reason === "deleted";
    this.#jobs.delete(jobNo);
    this.#schedule.remove(job);
    this.#icmp.forget(job);
    this.#options.changed(jobNo);
  }

  // What the schedule says.

  start(job: MeasuredJob, slot: number): void {
    const pending = this.#recorder.begin(job, slot);
    // Most jobs are this; what the others need is not made for them.
    if (isIcmp(job)) this.#icmp.start(pending);
    else this.#connect(pending);
  }

  skipped(_job: MeasuredJob, count: number): void {
    this.#metrics.skippedSlots.inc(count);
  }

  exhausted(job: MeasuredJob): void {
    this.#recorder.checkEnd(job);
  }

  timeJumped({ stepMs, behindMs }: { stepMs: number; behindMs: number }): void {
    this.#metrics.timeJumps.inc();
    this.#options.log.warn(
      { stepMs: Math.round(stepMs), behindMs },
      "the clock was set or this process stood still; slots that passed meanwhile are not made up for",
    );
  }

  #connect(pending: PendingSample): void {
    const { id, type, target, options, simulation } = pending.job.definition;
    const request = { target, options, slot: pending.slot, seed: id };
    if (simulation !== null) {
      this.#connections.start(pending, (signal) =>
        createSimulatedProber(type, simulation).probe(request, signal),
      );
    } else if (type === "heartbeat") {
      this.#heartbeats.start(pending);
    } else if (type !== "icmp") {
      this.#connections.startWithinLimit(pending, (signal) => runProbe(this.#probers, type, request, signal));
    }
  }
}

function isIcmp({ definition: { type, simulation } }: MeasuredJob): boolean {
  return type === "icmp" && simulation === null;
}
