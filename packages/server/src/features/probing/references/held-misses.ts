// Misses wait here until it is known that the poller was online itself (M16): a second at most while it is, and a
// second more while it is not. With the default timeout of 5 s all is known when a target has not answered.
import type { Clock } from "../../../platform/clock.js";
import { failed } from "../outcome.js";
import type { ProbeOutcome } from "../prober.js";
import type { References } from "./references.js";

/** What a poller at its limit measures in these two seconds, missing all of it. */
const MAX_HELD = 100_000;
/** The longest probe, and some: a wall clock that was set must not send one into the past or the future. */
const MAX_AGE_MS = 70_000;

interface HeldMiss {
  readonly outcome: ProbeOutcome;
  readonly sentAt: number;
  readonly endedAt: number;
  readonly tell: (judged: ProbeOutcome) => void;
}

export interface HeldMissesOptions {
  readonly references: References;
  /** A miss has become an error of ours. */
  readonly excused: () => void;
  readonly clock: Clock;
}

export class HeldMisses {
  readonly #options: HeldMissesOptions;
  #held: HeldMiss[] = [];

  constructor(options: HeldMissesOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#held.length;
  }

  /** Tells, at once or later, what the miss is to be recorded as. `sentAtMs`: since the epoch. */
  judge(outcome: ProbeOutcome, sentAtMs: number, tell: HeldMiss["tell"]): void {
    const { clock } = this.#options;
    const endedAt = clock.monotonic();
    const ageMs = Math.min(Math.max(clock.now() - sentAtMs, 0), MAX_AGE_MS);
    const miss = { outcome, sentAt: endedAt - ageMs, endedAt, tell };
    if (this.#settle(miss)) return;
    if (this.#held.length < MAX_HELD) this.#held.push(miss);
    else
      tell(
        failed({ code: "overloaded", error: "too many misses wait for the poller's references" }, outcome),
      );
  }

  /** A round has its verdict. */
  review(): void {
    if (this.#held.length === 0) return;
    const held = this.#held;
    this.#held = [];
    for (const miss of held) if (!this.#settle(miss)) this.#held.push(miss);
  }

  /** False while it is open. */
  #settle(miss: HeldMiss): boolean {
    const verdict = this.#options.references.judge(miss);
    if (verdict === "open") return false;
    miss.tell(verdict === "missed" ? miss.outcome : this.#excuse(miss.outcome));
    return true;
  }

  #excuse(outcome: ProbeOutcome): ProbeOutcome {
    const { references, excused } = this.#options;
    excused();
    const error = `this poller was offline, as no reference target answered (${references.names}): ${outcome.error}`;
    return failed({ code: "poller_offline", error }, outcome);
  }
}
