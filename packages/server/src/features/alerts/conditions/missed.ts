// N of the newest M samples were missed. The newest are those of the highest slots, whenever they came: a miss is known
// a timeout later than a success, so results overtake each other.
import type { AlertCondition } from "@nightbell/contract";
import { statusCodes } from "../../samples/index.js";
import { type Condition, type EvaluatedSample, grown, type Level } from "./condition.js";

type Rule = Extract<AlertCondition, { kind: "missed" }>;

export class MissedCondition implements Condition {
  readonly #rule: Rule;
  /** Samples kept for each row. */
  readonly #kept: number;
  /** The newest samples of each row in the order of slots, the newest last: twice the sequence number, plus one for a miss. */
  #samples = new Float64Array(0);
  #counts = new Uint8Array(0);

  constructor(rule: Rule) {
    this.#rule = rule;
    this.#kept = Math.max(rule.of, rule.recovery.successes);
  }

  get memory() {
    return { samples: this.#kept, milliseconds: 0 };
  }

  grow(capacity: number): void {
    this.#samples = grown(this.#samples, capacity * this.#kept);
    this.#counts = grown(this.#counts, capacity);
  }

  reset(row: number): void {
    this.#counts[row] = 0;
  }

  take(row: number, { sequenceNumber, status }: EvaluatedSample): Level {
    this.#insert(row, sequenceNumber * 2 + (status === statusCodes.missed ? 1 : 0));
    const { missed, of, recovery } = this.#rule;
    if (this.#missesOf(row, of) >= missed) return "bad";
    const hasRecovered =
      (this.#counts[row] ?? 0) >= recovery.successes && this.#missesOf(row, recovery.successes) === 0;
    return hasRecovered ? "good" : "between";
  }

  value(row: number): number {
    return this.#missesOf(row, this.#rule.of);
  }

  #insert(row: number, code: number): void {
    const samples = this.#samples;
    const start = row * this.#kept;
    const count = this.#counts[row] ?? 0;
    let place = start + count;
    while (place > start && (samples[place - 1] ?? 0) > code) place -= 1;
    if (count < this.#kept) {
      samples.copyWithin(place + 1, place, start + count);
      samples[place] = code;
      this.#counts[row] = count + 1;
    } else if (place > start) {
      // The oldest leaves.
      samples.copyWithin(start, start + 1, place);
      samples[place - 1] = code;
    }
  }

  #missesOf(row: number, newest: number): number {
    const end = row * this.#kept + (this.#counts[row] ?? 0);
    let misses = 0;
    for (let index = Math.max(end - newest, row * this.#kept); index < end; index += 1) {
      misses += (this.#samples[index] ?? 0) % 2;
    }
    return misses;
  }
}
