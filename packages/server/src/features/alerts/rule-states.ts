// What one rule knows of every job and location it watches: the memory of its condition, whether it is bad there, and
// what the database was told. Rows are numbers, so that a hundred thousand of them are a few arrays.
import type { AlertCondition } from "@nightbell/contract";
import { createCondition, type Condition, type EvaluatedSample, holdMsOf } from "./conditions/index.js";
import { grown } from "./conditions/condition.js";

const FIRST_CAPACITY = 64;
const NEVER = -1;

export class RuleStates {
  readonly condition: Condition;
  readonly #holdMs: number;
  readonly #free: number[] = [];
  #used = 0;
  #capacity = 0;
  #isBad = new Uint8Array(0);
  /** What the database was told last. */
  #isReportedBad = new Uint8Array(0);
  /** The newest slot of the row, and the slot since which a bad row has been good without a break. */
  #newestSlots = new Float64Array(0);
  #goodSince = new Float64Array(0);

  constructor(condition: AlertCondition) {
    this.condition = createCondition(condition);
    this.#holdMs = holdMsOf(condition);
  }

  get size(): number {
    return this.#used - this.#free.length;
  }

  /** A new row that knows nothing but whether it was bad when last reported. */
  add(isBad: boolean): number {
    const row = this.#free.pop() ?? this.#used++;
    if (row >= this.#capacity) this.#grow();
    this.condition.reset(row);
    this.#isBad[row] = Number(isBad);
    this.#isReportedBad[row] = Number(isBad);
    this.#newestSlots[row] = NEVER;
    this.#goodSince[row] = NEVER;
    return row;
  }

  remove(row: number): void {
    this.#free.push(row);
  }

  /** Takes a success or a miss, in the order of slots; says whether the row is now other than the database was told. */
  take(row: number, sample: EvaluatedSample): boolean {
    const level = this.condition.take(row, sample);
    if (level === null) return this.isUnreported(row);
    const { slot } = sample;
    this.#newestSlots[row] = slot;
    if (level !== "good") {
      this.#goodSince[row] = NEVER;
      if (level === "bad") this.#isBad[row] = 1;
    } else if (this.#isBad[row] === 1) {
      if (this.#goodSince[row] === NEVER) this.#goodSince[row] = slot;
      if (slot - (this.#goodSince[row] ?? slot) >= this.#holdMs) this.#isBad[row] = 0;
    }
    return this.isUnreported(row);
  }

  isBad(row: number): boolean {
    return this.#isBad[row] === 1;
  }

  newestSlot(row: number): number {
    return this.#newestSlots[row] ?? NEVER;
  }

  isUnreported(row: number): boolean {
    return this.#isBad[row] !== this.#isReportedBad[row];
  }

  /** The database knows now. */
  report(row: number, isBad: boolean): void {
    this.#isReportedBad[row] = Number(isBad);
  }

  #grow(): void {
    this.#capacity = Math.max(FIRST_CAPACITY, this.#capacity * 2);
    this.condition.grow(this.#capacity);
    this.#isBad = grown(this.#isBad, this.#capacity);
    this.#isReportedBad = grown(this.#isReportedBad, this.#capacity);
    this.#newestSlots = grown(this.#newestSlots, this.#capacity);
    this.#goodSince = grown(this.#goodSince, this.#capacity);
  }
}
