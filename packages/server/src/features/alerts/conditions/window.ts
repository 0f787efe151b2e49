// Loss and latency over a window of time. A window moves in thirtieths of its length; each step keeps counts, so that
// its cost depends neither on the cadence nor on the length. That p95 exceeds x is that more than 5 % of the samples do,
// so that counts answer exactly, without a histogram.
import type { AlertCondition } from "@nightbell/contract";
import { statusCodes } from "../../samples/index.js";
import { type Condition, type EvaluatedSample, grown, type Level } from "./condition.js";

/** Steps of a window. At the longest window and the shortest cadence one holds 28,800 samples, so 16 bits count them. */
export const STEPS = 30;

/** What a window compares. */
interface Measure {
  /** What a sample adds, null when it does not belong to the window: microseconds, or 1 for a loss and 0 for none. */
  of(sample: EvaluatedSample): number | null;
  /** Samples whose measure is above these are counted, for the trigger and for the recovery. */
  readonly trigger: number;
  readonly recovery: number;
  /** Whether `sum` is kept; the other statistics need counts alone. */
  readonly needsSum: boolean;
  /** Whether the window is above the trigger, or above what recovery allows, given the samples that are. */
  isAbove(of: "trigger" | "recovery", window: { count: number; above: number; sum: number }): boolean;
  /** In the unit of the rule; null where counts do not tell. */
  value(window: { count: number; above: number; sum: number }): number | null;
}

class WindowCondition implements Condition {
  readonly #measure: Measure;
  readonly #minSamples: number;
  readonly #stepMs: number;
  readonly memory;
  /** The newest step of each row, as the number of steps since the epoch; -1 before the first sample. */
  #heads = new Float64Array(0);
  /** For each row its steps, by number modulo STEPS. */
  #counts = new Uint16Array(0);
  #aboveTrigger = new Uint16Array(0);
  #aboveRecovery = new Uint16Array(0);
  #sums = new Float64Array(0);

  constructor(
    rule: { windowSeconds: number; minSamples: number; recovery: { holdSeconds: number } },
    measure: Measure,
  ) {
    this.#measure = measure;
    this.#minSamples = rule.minSamples;
    this.#stepMs = (rule.windowSeconds * 1_000) / STEPS;
    this.memory = { samples: 0, milliseconds: (rule.windowSeconds + rule.recovery.holdSeconds) * 1_000 };
  }

  grow(capacity: number): void {
    this.#heads = grown(this.#heads, capacity);
    this.#counts = grown(this.#counts, capacity * STEPS);
    this.#aboveTrigger = grown(this.#aboveTrigger, capacity * STEPS);
    this.#aboveRecovery = grown(this.#aboveRecovery, capacity * STEPS);
    if (this.#measure.needsSum) this.#sums = grown(this.#sums, capacity * STEPS);
  }

  reset(row: number): void {
    this.#heads[row] = -1;
    for (let step = 0; step < STEPS; step += 1) this.#clear(row * STEPS + step);
  }

  take(row: number, sample: EvaluatedSample): Level | null {
    const measure = this.#measure.of(sample);
    if (measure === null) return null;
    const step = Math.floor(sample.slot / this.#stepMs);
    this.#advance(row, step);
    const at = row * STEPS + (step % STEPS);
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    if (measure > this.#measure.trigger) this.#aboveTrigger[at] = (this.#aboveTrigger[at] ?? 0) + 1;
    if (measure > this.#measure.recovery) this.#aboveRecovery[at] = (this.#aboveRecovery[at] ?? 0) + 1;
    if (this.#measure.needsSum) this.#sums[at] = (this.#sums[at] ?? 0) + measure;
    return this.#level(row);
  }

  value(row: number): number | null {
    const count = total(this.#counts, row);
    if (count === 0) return null;
    return this.#measure.value({ count, above: total(this.#aboveTrigger, row), sum: this.#sum(row) });
  }

  #level(row: number): Level {
    const count = total(this.#counts, row);
    if (count < this.#minSamples) return "between";
    const sum = this.#sum(row);
    if (this.#measure.isAbove("trigger", { count, above: total(this.#aboveTrigger, row), sum })) return "bad";
    const above = total(this.#aboveRecovery, row);
    return this.#measure.isAbove("recovery", { count, above, sum }) ? "between" : "good";
  }

  #sum(row: number): number {
    return this.#measure.needsSum ? total(this.#sums, row) : 0;
  }

  /** Forgets the steps that leave the window when `step` enters it. */
  #advance(row: number, step: number): void {
    const head = this.#heads[row] ?? -1;
    if (step <= head) return;
    this.#heads[row] = step;
    for (let passed = Math.max(head + 1, step - STEPS + 1); passed <= step; passed += 1) {
      this.#clear(row * STEPS + (passed % STEPS));
    }
  }

  #clear(at: number): void {
    this.#counts[at] = 0;
    this.#aboveTrigger[at] = 0;
    this.#aboveRecovery[at] = 0;
    if (this.#measure.needsSum) this.#sums[at] = 0;
  }
}

export function lossCondition(rule: Extract<AlertCondition, { kind: "loss" }>): Condition {
  const percents = { trigger: rule.abovePercent, recovery: rule.recovery.atMostPercent ?? rule.abovePercent };
  return new WindowCondition(rule, {
    of: ({ status }) => (status === statusCodes.missed ? 1 : 0),
    trigger: 0,
    recovery: 0,
    needsSum: false,
    isAbove: (of, { count, above }) => above * 100 > percents[of] * count,
    value: ({ count, above }) => (above * 100) / count,
  });
}

export function latencyCondition(rule: Extract<AlertCondition, { kind: "latency" }>): Condition {
  const limits = {
    trigger: rule.aboveMs * 1_000,
    recovery: (rule.recovery.atMostMs ?? rule.aboveMs) * 1_000,
  };
  const measured = ({ status, rttUs, jitterUs }: EvaluatedSample) => {
    if (status !== statusCodes.success) return null;
    return rule.measure === "jitter" ? jitterUs : rttUs;
  };
  const countsAlone = { of: measured, ...limits, needsSum: false, value: () => null };
  switch (rule.statistic) {
    case "avg":
      return new WindowCondition(rule, {
        of: measured,
        ...limits,
        needsSum: true,
        isAbove: (of, { count, sum }) => sum > limits[of] * count,
        value: ({ count, sum }) => sum / count / 1_000,
      });
    case "p95":
      // The nearest rank: the smallest that at least 95 % of all are not above.
      return new WindowCondition(rule, {
        ...countsAlone,
        isAbove: (_of, { count, above }) => above * 20 > count,
      });
    case "max":
      return new WindowCondition(rule, { ...countsAlone, isAbove: (_of, { above }) => above > 0 });
  }
}

function total(column: Uint16Array | Float64Array, row: number): number {
  let sum = 0;
  for (let at = row * STEPS; at < (row + 1) * STEPS; at += 1) sum += column[at] ?? 0;
  return sum;
}
