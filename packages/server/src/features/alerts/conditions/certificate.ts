// Days until the certificate expires, as the newest sample that saw one says.
import type { AlertCondition } from "@nightbell/contract";
import { type Condition, type EvaluatedSample, grown, type Level } from "./condition.js";

type Rule = Extract<AlertCondition, { kind: "certificate" }>;

export class CertificateCondition implements Condition {
  readonly memory = { samples: 1, milliseconds: 0 };
  readonly #rule: Rule;
  /** NaN before the first. */
  #daysLeft = new Float64Array(0);

  constructor(rule: Rule) {
    this.#rule = rule;
  }

  grow(capacity: number): void {
    this.#daysLeft = grown(this.#daysLeft, capacity);
  }

  reset(row: number): void {
    this.#daysLeft[row] = Number.NaN;
  }

  take(row: number, { phases }: EvaluatedSample): Level | null {
    const daysLeft = phases?.["certificateDaysLeft"];
    if (daysLeft === undefined) return null;
    this.#daysLeft[row] = daysLeft;
    const { belowDays, recovery } = this.#rule;
    if (daysLeft < belowDays) return "bad";
    return daysLeft >= (recovery.atLeastDays ?? belowDays) ? "good" : "between";
  }

  value(row: number): number | null {
    const daysLeft = this.#daysLeft[row] ?? Number.NaN;
    return Number.isNaN(daysLeft) ? null : daysLeft;
  }
}
