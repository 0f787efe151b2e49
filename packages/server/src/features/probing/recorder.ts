// From the outcome of a probe to a sample: status, jitter, lateness, and the end of a job.
import type { ErrorCode } from "@nightbell/contract";
import type { Clock } from "../../platform/clock.js";
import type { Logger } from "../../platform/log.js";
import { statusCodes, type SampleRecord, type StrayKind } from "../samples/index.js";
import type { MeasuredJob } from "./measured-job.js";
import { failed } from "./outcome.js";
import type { PollerMetrics } from "./poller-metrics.js";
import type { ProbeOutcome } from "./prober.js";
import type { HeldMisses } from "./references/held-misses.js";
import { sequenceNumberOf } from "./slots.js";

/** The part of the sample writer that measuring needs. */
export interface SampleSink {
  add(sample: SampleRecord): void;
  strayReply(jobNo: number, locationNo: number, kind: StrayKind, atMs: number): void;
}

/** A slot whose probe is under way, or waits for its place. */
export interface PendingSample {
  readonly job: MeasuredJob;
  readonly slot: number;
  readonly sequenceNumber: number;
}

export interface RecorderOptions {
  locationNo: number;
  sink: SampleSink;
  metrics: PollerMetrics;
  clock: Clock;
  log: Logger;
  /** Decides whether a miss is the target's; left out where nothing is known of ourselves. */
  misses?: Pick<HeldMisses, "judge"> | undefined;
  /** A job whose duration is over has its last result. */
  ended: (job: MeasuredJob) => void;
}

/** Bugs of a prober are logged at most this often: they come back with every slot. */
const BUG_LOG_INTERVAL_MS = 10_000;

export class Recorder {
  readonly #options: RecorderOptions;
  #inFlight = 0;
  #isClosed = false;
  #bugLoggedAt = -Infinity;
  #whenIdle: (() => void) | null = null;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** A slot's turn has come. Each is followed by one `finish` or `abandon`. */
  begin(job: MeasuredJob, slot: number): PendingSample {
    job.inFlight += 1;
    this.#inFlight += 1;
    return { job, slot, sequenceNumber: sequenceNumberOf(job.definition.grids, slot) };
  }

  /** A miss may be recorded a little later, as what it turns out to be; the job is in flight until then. */
  finish(pending: PendingSample, outcome: ProbeOutcome, startedAtMs: number): void {
    const { clock, misses } = this.#options;
    const recordedAtMs = clock.now();
    if (misses === undefined || outcome.status !== "missed" || pending.job.definition.simulation !== null) {
      this.#record(pending, outcome, startedAtMs, recordedAtMs);
    } else {
      misses.judge(outcome, startedAtMs, (judged) =>
        this.#record(pending, judged, startedAtMs, recordedAtMs),
      );
    }
  }

  #record(
    { job, slot, sequenceNumber }: PendingSample,
    outcome: ProbeOutcome,
    startedAtMs: number,
    recordedAtMs: number,
  ): void {
    const { sink, metrics, locationNo } = this.#options;
    const latenessUs = Math.max(0, Math.round((startedAtMs - slot) * 1_000));
    const { status, rttUs, errorCode, error, phases } = outcome;
    if (!this.#isClosed && !job.isDeleted) {
      metrics.probe(job.definition.type, status, latenessUs);
      sink.add({
        slot,
        jobNo: job.definition.jobNo,
        locationNo,
        status: statusCodes[status],
        rttUs,
        jitterUs: status === "success" && rttUs !== null ? job.noteSuccess(slot, rttUs) : null,
        latenessUs,
        sequenceNumber,
        recordedAtMs,
        errorCode,
        error,
        phases,
      });
    }
    this.#settle(job);
  }

  /** The slot stays a gap. */
  abandon({ job }: PendingSample): void {
    this.#settle(job);
  }

  /** We failed before or while probing. */
  fail(pending: PendingSample, code: ErrorCode, error: string): void {
    this.finish(pending, failed({ code, error }), this.#options.clock.now());
  }

  /** A prober threw, which none may: a bug of ours, not the target's fault. */
  bug(pending: PendingSample, cause: unknown): void {
    const now = this.#options.clock.monotonic();
    if (now - this.#bugLoggedAt > BUG_LOG_INTERVAL_MS) {
      this.#bugLoggedAt = now;
      this.#options.log.error(
        { err: cause, jobId: pending.job.definition.id },
        "a prober failed unexpectedly",
      );
    }
    this.fail(pending, "internal", "the probe failed because of an error in Nightbell; its log says more");
  }

  stray(job: MeasuredJob, kind: StrayKind, atMs: number): void {
    if (this.#isClosed || job.isDeleted) return;
    this.#options.sink.strayReply(job.definition.jobNo, this.#options.locationNo, kind, atMs);
  }

  /** Says so when the job's duration is over and no result is missing. */
  checkEnd(job: MeasuredJob): void {
    if (job.nextSlot === null && job.inFlight === 0 && hasReachedItsEnd(job)) this.#options.ended(job);
  }

  /** Resolves when no probe is under way and no miss is held back. */
  idle(): Promise<void> {
    if (this.#inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenIdle = resolve;
    });
  }

  /** Results that come after this are dropped. */
  close(): void {
    this.#isClosed = true;
  }

  #settle(job: MeasuredJob): void {
    job.inFlight -= 1;
    this.#inFlight -= 1;
    this.checkEnd(job);
    if (this.#inFlight === 0) this.#whenIdle?.();
  }
}

/** Not when its last grid was closed earlier: then it was paused or edited, and the news is on its way. */
function hasReachedItsEnd({ definition: { endsAt, grids } }: MeasuredJob): boolean {
  return endsAt !== null && (grids.at(-1)?.toSlot ?? endsAt) === endsAt;
}
