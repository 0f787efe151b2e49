// Evaluates alert rules where samples are stored, on samples that the database has confirmed (M15). What it knows of a
// job is of constant size, and is rebuilt from the newest samples when the job is new to it or its rules change.
import { setTimeout as delay } from "node:timers/promises";
import type { Registry } from "prom-client";
import type { Clock } from "../../platform/clock.js";
import { type DatabaseHandle, failureLevel } from "../../platform/db.js";
import type { Logger } from "../../platform/log.js";
import { replayNewest, type ReplayedSample, type SampleRecord, statusCodes } from "../samples/index.js";
import type { EvaluatedSample } from "./conditions/index.js";
import { Decisions, isUndecided, type RuleState, statementOf } from "./decisions.js";
import { type AlertMetrics, alertMetrics } from "./metrics.js";
import { OrderedSamples } from "./ordered-samples.js";
import { badStates, stateKey, watchedJobs } from "./queries.js";
import { concerns, type LiveRule, RuleBook, type WatchedJob } from "./rule-book.js";

/** Jobs whose state is rebuilt together. */
const JOBS_AT_ONCE = 500;
/** Samples that may come in while the states of their jobs are rebuilt; beyond, those jobs are read once more. */
const MAX_WAITING = 100_000;
const RETRY_MS = 1_000;
/** How often the states are compared with what the database knows. */
const COMPARE_INTERVAL_MS = 10_000;

export interface AlertEngineOptions {
  readonly database: DatabaseHandle;
  readonly clock: Clock;
  readonly log: Logger;
  readonly registry: Registry;
}

/** One location of a job. */
interface Track {
  readonly locationNo: number;
  readonly ordered: OrderedSamples;
  readonly states: readonly RuleState[];
}

/**
 * A job and what is known of it.
 * - wanted: its state is to be rebuilt; its samples are in the database, so nothing is lost by passing over them.
 * - loading: its state is being read; samples that come meanwhile may be missed by that and wait.
 * - ready: its samples are evaluated as they come.
 */
interface Watched {
  readonly jobNo: number;
  phase: "wanted" | "loading" | "ready";
  /** Null until it is ready for the first time. */
  job: WatchedJob | null;
  readonly locationNos: number[];
  tracks: Track[];
  waiting: SampleRecord[];
}

export class AlertEngine {
  readonly #options: AlertEngineOptions;
  readonly #rules: RuleBook;
  readonly #decisions: Decisions;
  readonly #metrics: AlertMetrics;
  readonly #watched = new Map<number, Watched>();
  readonly #wanted = new Set<Watched>();
  #waitingCount = 0;
  #hasOverflowed = false;
  #stateCount = 0;
  #loop: Promise<void> | null = null;
  #isStarted = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #abort = new AbortController();

  constructor(options: AlertEngineOptions) {
    this.#options = options;
    const { database, clock, log, registry } = options;
    this.#metrics = alertMetrics(registry, {
      states: () => this.#stateCount,
      queued: () => this.#decisions.queued,
    });
    this.#rules = new RuleBook({ db: database.db, log, changed: (rules) => this.#rulesChanged(rules) });
    this.#decisions = new Decisions({
      pool: database.pool,
      clock,
      log,
      metrics: this.#metrics,
      overflowed: () => this.#addUnreported(),
    });
  }

  /** Resolves when the rules are known. Samples may come before. Throws when the database cannot be read. */
  async start(): Promise<void> {
    await this.#rules.start();
    this.#isStarted = true;
    this.#startLoading();
    this.#timer = setInterval(() => void this.#compare(), COMPARE_INTERVAL_MS);
  }

  /** Rules may have changed: look now. */
  wake(): void {
    this.#rules.wake();
  }

  /** Samples that are in the database by now; told again, they change nothing. Never waits, never throws. */
  samplesStored(samples: readonly SampleRecord[]): void {
    for (const sample of samples) {
      const watched = this.#watched.get(sample.jobNo) ?? this.#watch(sample.jobNo);
      if (watched.phase === "ready") this.#evaluate(watched, sample);
      else this.#keepWaiting(watched, sample);
    }
  }

  /** The job is measured by somebody else, or was changed: with its next sample, what happened meanwhile is read. */
  forget(jobNo: number): void {
    const watched = this.#watched.get(jobNo);
    if (watched === undefined) return;
    this.#drop(watched);
    watched.phase = "wanted"; // What is being read for it is of no use any more.
    this.#wanted.delete(watched);
    this.#watched.delete(jobNo);
  }

  /** Decides what is to be decided, at most so long. */
  async stop(deadlineMs: number): Promise<void> {
    this.#abort.abort();
    clearInterval(this.#timer);
    const ended = new AbortController();
    const ends = Promise.all([this.#rules.stop(), this.#decisions.idle(), this.#loop]);
    const tooLate = delay(deadlineMs, undefined, { signal: ended.signal }).catch(() => undefined);
    await Promise.race([ends, tooLate]);
    ended.abort();
    this.#decisions.close();
  }

  #watch(jobNo: number): Watched {
    const watched: Watched = {
      jobNo,
      phase: "wanted",
      job: null,
      locationNos: [],
      tracks: [],
      waiting: [],
    };
    this.#watched.set(jobNo, watched);
    this.#want(watched);
    return watched;
  }

  #want(watched: Watched): void {
    this.#drop(watched);
    watched.phase = "wanted";
    this.#wanted.add(watched);
    this.#startLoading();
  }

  #keepWaiting(watched: Watched, sample: SampleRecord): void {
    noteLocation(watched, sample);
    if (watched.phase === "wanted") return;
    if (this.#waitingCount >= MAX_WAITING) {
      this.#hasOverflowed = true;
      return;
    }
    watched.waiting.push(sample);
    this.#waitingCount += 1;
  }

  #evaluate(watched: Watched, sample: SampleRecord): void {
    if (noteLocation(watched, sample)) {
      this.#want(watched);
      return;
    }
    for (const track of watched.tracks) {
      if (track.locationNo === sample.locationNo) track.ordered.add(sample, sample.recordedAtMs);
    }
  }

  #rulesChanged(rules: readonly LiveRule[]): void {
    for (const watched of this.#watched.values()) {
      const { job } = watched;
      // One that is being loaded may have been given the rules as they were.
      const isAffected = job !== null && rules.some((rule) => concerns(rule, job));
      if (isAffected || watched.phase === "loading") this.#want(watched);
    }
  }

  /** Gives rows back; what waits is in the database. */
  #drop(watched: Watched): void {
    for (const { states } of watched.tracks) {
      for (const state of states) {
        state.isGone = true;
        state.rule.states.remove(state.row);
      }
      this.#stateCount -= states.length;
    }
    watched.tracks = [];
    this.#waitingCount -= watched.waiting.length;
    watched.waiting = [];
  }

  /**
   * While two pollers measure the same job for a moment, each may tell the database what the other does not know of, and
   * whoever keeps the job must notice. Only what is bad, here or there, can differ.
   */
  async #compare(): Promise<void> {
    let bad: ReadonlySet<string>;
    try {
      bad = await badStates(this.#options.database.db, null);
    } catch (error) {
      this.#options.log.debug({ err: error }, "alert states cannot be compared; they are at the next time");
      return;
    }
    const jobNos = new Set([...bad].map((key) => Number(key.split(" ")[1])));
    for (const { jobNo, tracks } of this.#watched.values()) {
      for (const { locationNo, states } of tracks) {
        for (const state of states) {
          const { states: known, id } = state.rule;
          // What is unreported is on its way already.
          if (known.isUnreported(state.row) || !(known.isBad(state.row) || jobNos.has(jobNo))) continue;
          known.report(state.row, bad.has(stateKey(id, jobNo, locationNo)));
          if (known.isUnreported(state.row)) this.#decisions.add(state);
        }
      }
    }
  }

  #addUnreported(): void {
    for (const { tracks } of this.#watched.values()) {
      for (const { states } of tracks) {
        for (const state of states) if (isUndecided(state)) this.#decisions.add(state);
      }
    }
  }

  #startLoading(): void {
    if (!this.#isStarted || this.#abort.signal.aborted) return;
    this.#loop ??= this.#load().finally(() => {
      this.#loop = null;
      if (this.#wanted.size > 0) this.#startLoading();
    });
  }

  async #load(): Promise<void> {
    let isFailing = false;
    await delay(0); // So that a batch of samples is loaded together.
    while (this.#wanted.size > 0 && !this.#abort.signal.aborted) {
      const some: Watched[] = [];
      for (const watched of this.#wanted) {
        if (some.length === JOBS_AT_ONCE) break;
        this.#wanted.delete(watched);
        watched.phase = "loading";
        some.push(watched);
      }
      try {
        await this.#loadSome(some);
        isFailing = false;
      } catch (error) {
        if (!isFailing)
          this.#options.log[failureLevel(error)](
            { err: error },
            "the history of jobs cannot be read; their alerts wait for it",
          );
        isFailing = true;
        await delay(RETRY_MS, undefined, { signal: this.#abort.signal }).catch(() => undefined);
      }
      // What was not finished: the read failed, or too much came in meanwhile.
      for (const watched of some) {
        if (watched.phase === "loading" && this.#watched.get(watched.jobNo) === watched) this.#want(watched);
      }
    }
  }

  /** Reads begin after the jobs are `loading`, so a sample is either in what is read or waits. */
  async #loadSome(some: readonly Watched[]): Promise<void> {
    const { database, clock } = this.#options;
    this.#hasOverflowed = false;
    const jobs = await watchedJobs(
      database.db,
      some.map(({ jobNo }) => jobNo),
    );
    const bad = await badStates(database.db, [...jobs.keys()]);
    const withRules: { watched: Watched; job: WatchedJob; rules: LiveRule[] }[] = [];
    for (const watched of some) {
      const job = jobs.get(watched.jobNo);
      if (job === undefined) {
        this.forget(watched.jobNo); // Deleted.
        continue;
      }
      const rules = this.#rules.rulesFor(job);
      if (rules.length > 0) withRules.push({ watched, job, rules });
      else this.#ready(watched, job, [], [], bad);
    }
    const requests = withRules.map(({ watched, rules }) => ({
      jobNo: watched.jobNo,
      slots: Math.max(...rules.map(({ states }) => states.condition.memory.samples)),
      sinceMs: clock.now() - Math.max(...rules.map(({ states }) => states.condition.memory.milliseconds)),
    }));
    const byJob = new Map(withRules.map((each) => [each.watched.jobNo, each]));
    for await (const group of replayNewest(database, requests, clock.now())) {
      if (this.#hasOverflowed || this.#abort.signal.aborted) return;
      for (const [jobNo, samples] of group) {
        const found = byJob.get(jobNo);
        if (found !== undefined) this.#ready(found.watched, found.job, found.rules, samples, bad);
      }
    }
  }

  /** The past, then what came meanwhile. */
  #ready(
    watched: Watched,
    job: WatchedJob,
    rules: readonly LiveRule[],
    samples: readonly ReplayedSample[],
    bad: ReadonlySet<string>,
  ): void {
    if (watched.phase !== "loading") return; // Forgotten, or its rules changed.
    const { jobNo, waiting } = watched;
    watched.job = job;
    watched.phase = "ready";
    watched.waiting = [];
    this.#waitingCount -= waiting.length;
    if (rules.length === 0) return;
    this.#metrics.rebuilt.inc();
    watched.tracks = watched.locationNos.map((locationNo) =>
      this.#track(job, rules, { jobNo, locationNo }, bad),
    );
    const now = this.#options.clock.now();
    for (const { locationNo, ordered, states } of watched.tracks) {
      for (const sample of samples) if (sample.locationNo === locationNo) ordered.add(sample, now);
      // Only what the past ends with counts: what came and went in it was decided when it was the present.
      for (const state of states) {
        state.isPast = false;
        if (state.rule.states.isUnreported(state.row)) this.#decisions.add(state);
      }
    }
    for (const sample of waiting) this.#evaluate(watched, sample);
  }

  #track(
    job: WatchedJob,
    rules: readonly LiveRule[],
    { jobNo, locationNo }: { jobNo: number; locationNo: number },
    bad: ReadonlySet<string>,
  ): Track {
    const states = rules.map((rule): RuleState => {
      const row = rule.states.add(bad.has(stateKey(rule.id, jobNo, locationNo)));
      return { rule, row, jobNo, locationNo, raised: null, isPast: true, isQueued: false, isGone: false };
    });
    this.#stateCount += states.length;
    const ordered = new OrderedSamples(job.patienceMs, (sample) => {
      if (sample.status === statusCodes.system_error) return; // Ours; never held against the target.
      this.#metrics.evaluated.inc();
      for (const state of states) this.#take(state, sample);
    });
    return { locationNo, ordered, states };
  }

  #take(state: RuleState, sample: EvaluatedSample): void {
    const { states } = state.rule;
    const isUnreported = states.take(state.row, sample);
    if (state.isPast || !isUnreported) return;
    if (states.isBad(state.row)) state.raised ??= statementOf(state);
    this.#decisions.add(state);
  }
}

/** True when the location is new. */
function noteLocation({ locationNos }: Watched, { locationNo }: SampleRecord): boolean {
  if (locationNos.includes(locationNo)) return false;
  locationNos.push(locationNo);
  return true;
}
