// A job as the poller holds it: what to measure, and how far it has come. A few hundred bytes each.
import type { JobOptions, JobType, Simulation } from "@nightbell/contract";
import type { Grid } from "../jobs/index.js";

/** What the database says about a job that is to be measured here. */
export interface JobDefinition {
  readonly id: string;
  readonly jobNo: number;
  /** The transaction that last changed the row; with any other one the job has to be read again. */
  readonly revision: number;
  readonly type: JobType;
  readonly target: string;
  /** Shared by all jobs with equal options; never changed in place. */
  readonly options: JobOptions;
  /** Set in simulated mode. */
  readonly simulation: Simulation | null;
  /** Those not over yet, in order; none reaches beyond `endsAt`. */
  readonly grids: readonly Grid[];
  /** When the job's duration is over; null for an endless job. */
  readonly endsAt: number | null;
}

/**
 * ICMP probes reach the engine this much ahead of their slot; it sends them on time from a thread of its own. Longer than
 * this thread stands still for a collection of garbage with a hundred thousand jobs.
 */
const ICMP_LEAD_MS = 200;

export class MeasuredJob {
  definition: JobDefinition;
  /** Its entry in the wheel, null while it is in none. */
  entry: number | null = null;
  /** The slot it waits for, null when its grids have no further one. */
  nextSlot: number | null = null;
  /** The newest slot that was probed. */
  lastSlot = -Infinity;
  /** Probes without a result yet. */
  inFlight = 0;
  /** A deleted job's results have no place to go. */
  isDeleted = false;
  // Numbers rather than an object: one for each sample, kept until the next, is what the collector of garbage likes least.
  #lastSuccessSlot = -Infinity;
  #lastRttUs = 0;

  constructor(definition: JobDefinition) {
    this.definition = definition;
  }

  get leadMs(): number {
    return this.definition.type === "icmp" && this.definition.simulation === null ? ICMP_LEAD_MS : 0;
  }

  /** Takes an edit over. RTTs of different targets are not compared. */
  redefine(definition: JobDefinition): void {
    if (definition.target !== this.definition.target) this.#lastSuccessSlot = -Infinity;
    this.definition = definition;
  }

  /**
   * The jitter of a successful sample: the absolute difference to the RTT of the success before it in order of slots
   * (M4), in µs. Null for the first, and for a result that the success of a later slot has overtaken: what came before
   * it is no longer known.
   */
  noteSuccess(slot: number, rttUs: number): number | null {
    if (this.#lastSuccessSlot > slot) return null;
    const jitterUs = this.#lastSuccessSlot === -Infinity ? null : Math.abs(rttUs - this.#lastRttUs);
    this.#lastSuccessSlot = slot;
    this.#lastRttUs = rttUs;
    return jitterUs;
  }
}
