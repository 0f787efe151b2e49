// Deviation from the job's own habit: exponentially weighted means of the RTT and of its absolute deviation. What is
// beyond the limit enters them only up to the limit, so an outage leaves the habit as it was, while a change that stays
// becomes the habit after some hundreds of samples.
import type { AlertCondition } from "@nightbell/contract";
import { statusCodes } from "../../samples/index.js";
import { type Condition, type EvaluatedSample, grown, type Level } from "./condition.js";

type Rule = Extract<AlertCondition, { kind: "baseline" }>;

/** The habit is that of about so many samples: 50 minutes at a cadence of ten seconds. */
export const MEMORY = 300;
/** With fewer samples nothing is called unusual. */
export const WARM_UP = 60;

export class BaselineCondition implements Condition {
  readonly memory = { samples: MEMORY, milliseconds: 0 };
  readonly #rule: Rule;
  readonly #minChangeUs: number;
  /** Samples so far, up to MEMORY. */
  #counts = new Uint16Array(0);
  /** In microseconds. */
  #means = new Float64Array(0);
  #deviations = new Float64Array(0);
  #last = new Float64Array(0);
  /** Samples in a row that were unusual; below zero, that were usual. */
  #runs = new Int32Array(0);

  constructor(rule: Rule) {
    this.#rule = rule;
    this.#minChangeUs = rule.minChangeMs * 1_000;
  }

  grow(capacity: number): void {
    this.#counts = grown(this.#counts, capacity);
    this.#means = grown(this.#means, capacity);
    this.#deviations = grown(this.#deviations, capacity);
    this.#last = grown(this.#last, capacity);
    this.#runs = grown(this.#runs, capacity);
  }

  reset(row: number): void {
    this.#counts[row] = 0;
    this.#means[row] = 0;
    this.#deviations[row] = 0;
    this.#runs[row] = 0;
  }

  take(row: number, { status, rttUs }: EvaluatedSample): Level | null {
    if (status !== statusCodes.success || rttUs === null) return null;
    const seen = this.#counts[row] ?? 0;
    const mean = this.#means[row] ?? 0;
    const limit = Math.max(this.#rule.factor * (this.#deviations[row] ?? 0), this.#minChangeUs);
    const isWarm = seen >= WARM_UP;
    const isUnusual = isWarm && rttUs > mean + limit;
    this.#learn(row, seen, isWarm ? clamp(rttUs, mean - limit, mean + limit) : rttUs);
    this.#last[row] = rttUs;
    const run = this.#runs[row] ?? 0;
    this.#runs[row] = isUnusual ? Math.max(run, 0) + 1 : Math.min(run, 0) - 1;
    if (!isWarm) return "between";
    if ((this.#runs[row] ?? 0) >= this.#rule.samples) return "bad";
    return -(this.#runs[row] ?? 0) >= this.#rule.recovery.samples ? "good" : "between";
  }

  /** The newest RTT. */
  value(row: number): number | null {
    return this.#counts[row] === 0 ? null : (this.#last[row] ?? 0) / 1_000;
  }

  /** Until the memory is full these are the plain means of all samples. */
  #learn(row: number, seen: number, rttUs: number): void {
    const count = Math.min(seen + 1, MEMORY);
    const mean = this.#means[row] ?? 0;
    const deviation = this.#deviations[row] ?? 0;
    this.#counts[row] = count;
    this.#means[row] = mean + (rttUs - mean) / count;
    if (seen > 0) this.#deviations[row] = deviation + (Math.abs(rttUs - mean) - deviation) / count;
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
