// N of the newest M samples were missed.
import type { AlertCondition } from "@nightbell/contract";
import { statusCodes } from "../../samples/index.js";
import { type Condition, type EvaluatedSample, grown, type Level } from "./condition.js";

type Rule = Extract<AlertCondition, { kind: "missed" }>;

export class MissedCondition implements Condition {
  readonly #rule: Rule;
  /** Samples kept for each row. */
  readonly #kept: number;
  /** A ring for each row: 1 for a miss. */
  #isMissed = new Uint8Array(0);
  /** How many samples each row has seen, up to twice what it keeps: the place of the next one, and whether it is full. */
  #counts = new Uint8Array(0);

  constructor(rule: Rule) {
    this.#rule = rule;
    this.#kept = Math.max(rule.of, rule.recovery.successes);
  }

  get memory() {
    return { samples: this.#kept, milliseconds: 0 };
  }

  grow(capacity: number): void {
    this.#isMissed = grown(this.#isMissed, capacity * this.#kept);
    this.#counts = grown(this.#counts, capacity);
  }

  reset(row: number): void {
    this.#counts[row] = 0;
  }

  take(row: number, { status }: EvaluatedSample): Level {
    const count = this.#counts[row] ?? 0;
    this.#isMissed[row * this.#kept + (count % this.#kept)] = status === statusCodes.missed ? 1 : 0;
    this.#counts[row] = count + 1 === 2 * this.#kept ? this.#kept : count + 1;
    const { missed, of, recovery } = this.#rule;
    if (this.#missesOf(row, of) >= missed) return "bad";
    const hasRecovered =
      (this.#counts[row] ?? 0) >= recovery.successes && this.#missesOf(row, recovery.successes) === 0;
    return hasRecovered ? "good" : "between";
  }

  value(row: number): number {
    return this.#missesOf(row, this.#rule.of);
  }

  #missesOf(row: number, newest: number): number {
    const count = this.#counts[row] ?? 0;
    let misses = 0;
    for (let index = Math.max(0, count - newest); index < count; index += 1) {
      misses += this.#isMissed[row * this.#kept + (index % this.#kept)] ?? 0;
    }
    return misses;
  }
}
