// Days until the certificate expires, as the newest sample that saw one says.
import type { AlertCondition } from "@nightbell/contract";
import { type Condition, type EvaluatedSample, grown, type Level } from "./condition.js";

type Rule = Extract<AlertCondition, { kind: "certificate" }>;

export class CertificateCondition implements Condition {
  readonly memory = { samples: 1, milliseconds: 0 };
  readonly #rule: Rule;
  /** The slot of the newest sample that says something, -1 before. */
  #slots = new Float64Array(0);
  #daysLeft = new Float64Array(0);

  constructor(rule: Rule) {
    this.#rule = rule;
  }

  grow(capacity: number): void {
    this.#slots = grown(this.#slots, capacity);
    this.#daysLeft = grown(this.#daysLeft, capacity);
  }

  reset(row: number): void {
    this.#slots[row] = -1;
  }

  take(row: number, { slot, phases }: EvaluatedSample): Level | null {
    const daysLeft = phases?.["certificateDaysLeft"];
    if (daysLeft === undefined || slot <= (this.#slots[row] ?? -1)) return null;
    this.#slots[row] = slot;
    this.#daysLeft[row] = daysLeft;
    const { belowDays, recovery } = this.#rule;
    if (daysLeft < belowDays) return "bad";
    return daysLeft >= (recovery.atLeastDays ?? belowDays) ? "good" : "between";
  }

  value(row: number): number | null {
    return (this.#slots[row] ?? -1) < 0 ? null : (this.#daysLeft[row] ?? null);
  }
}
