// Evaluates alert rules on what remote pollers upload. Of several instances of the API each gets some of a poller's
// uploads, so that what this one knows of a job may have a hole. Each upload carries a number that rises by one: where
// there is a gap another instance was given what is missing, and the jobs' states are rebuilt from history.
import type { SampleRecord } from "../samples/index.js";

/** A poller that is silent for so long has died, or uploads elsewhere; its jobs are let go of. */
const FORGET_AFTER_MS = 300_000;
const MAX_POLLERS = 10_000;

/** The alert engine. */
export interface Evaluator {
  samplesStored(samples: readonly SampleRecord[]): void;
  forget(jobNo: number): void;
}

export interface Upload {
  /** Of the poller, and of its token: another token's poller of the same id is another poller. */
  readonly poller: string;
  readonly number: number;
  /** Null: too many to tell. */
  readonly changedJobs: readonly number[] | null;
}

interface Reporter {
  number: number;
  at: number;
  /** Of which everything since the job was last rebuilt has come here. */
  readonly jobs: Set<number>;
}

export class UploadedAlerts {
  readonly #evaluator: Evaluator;
  /** In the order of their last upload. */
  readonly #reporters = new Map<string, Reporter>();

  constructor(evaluator: Evaluator) {
    this.#evaluator = evaluator;
  }

  /** Samples of an upload that are stored by now. */
  stored({ poller, number, changedJobs }: Upload, samples: readonly SampleRecord[], now: number): void {
    const known = this.#reporters.get(poller);
    const reporter = known ?? { number, at: now, jobs: new Set<number>() };
    // The same number again: its answer was lost, and it comes with what happened since.
    const hasGap = known !== undefined && number !== known.number && number !== known.number + 1;
    if (hasGap || changedJobs === null) this.#forget(reporter.jobs);
    else this.#forget(reporter.jobs, changedJobs);
    reporter.number = number;
    reporter.at = now;
    this.#reporters.delete(poller);
    this.#reporters.set(poller, reporter);
    for (const { jobNo } of samples) {
      if (reporter.jobs.has(jobNo)) continue;
      this.#evaluator.forget(jobNo);
      reporter.jobs.add(jobNo);
    }
    this.#evaluator.samplesStored(samples);
    this.#dropSilent(now);
  }

  #forget(jobs: Set<number>, which: readonly number[] = [...jobs]): void {
    for (const jobNo of which) if (jobs.delete(jobNo)) this.#evaluator.forget(jobNo);
  }

  #dropSilent(now: number): void {
    for (const [poller, { at, jobs }] of this.#reporters) {
      if (now - at < FORGET_AFTER_MS && this.#reporters.size <= MAX_POLLERS) return;
      this.#reporters.delete(poller);
      // One that another poller reports by now is rebuilt from history once more.
      this.#forget(jobs);
    }
  }
}
