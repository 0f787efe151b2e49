// The samples of a job at a location in the order of their slots, each once. A miss is known a timeout later than a
// success, so results overtake each other; and the same sample may be told again, by a repeated batch or by the reading
// of history.
import type { EvaluatedSample } from "./conditions/index.js";

/** Samples that wait for one before them; beyond, the oldest waits no longer. */
const MAX_WAITING = 1_000;

export class OrderedSamples {
  readonly #patienceMs: number;
  readonly #take: (sample: EvaluatedSample) => void;
  /** Of the newest sample that was passed on; -1 before the first. */
  #sequenceNumber = -1;
  #slot = 0;
  /** When the newest result came. */
  #heardAtMs = 0;
  /** In the order of slots; null while nothing is missing, as almost always. */
  #waiting: EvaluatedSample[] | null = null;

  /** `patienceMs`: how long after its slot a result may come; then it never does, and others wait for it no longer. */
  constructor(patienceMs: number, take: (sample: EvaluatedSample) => void) {
    this.#patienceMs = patienceMs;
    this.#take = take;
  }

  /** `heardAtMs`: when the result was known. One that comes after its turn is left out. */
  add(sample: EvaluatedSample, heardAtMs: number): void {
    if (heardAtMs > this.#heardAtMs) this.#heardAtMs = heardAtMs;
    if (sample.sequenceNumber <= this.#sequenceNumber) return;
    if (this.#waiting === null && this.#isNext(sample)) this.#pass(sample);
    else this.#insert(sample);
    this.#passWhatMay();
  }

  /** Whether nothing can come before it any more. */
  #isNext({ sequenceNumber, slot }: EvaluatedSample): boolean {
    const steps = sequenceNumber - this.#sequenceNumber;
    if (steps === 1 || this.#sequenceNumber === -1) return true;
    // The newest of those that are missing lies one cadence before it.
    const missing = slot - (slot - this.#slot) / steps;
    return this.#heardAtMs >= missing + this.#patienceMs;
  }

  #insert(sample: EvaluatedSample): void {
    const waiting = (this.#waiting ??= []);
    let place = waiting.length;
    while (place > 0 && (waiting[place - 1]?.sequenceNumber ?? -1) > sample.sequenceNumber) place -= 1;
    if (waiting[place - 1]?.sequenceNumber !== sample.sequenceNumber) waiting.splice(place, 0, sample);
  }

  #passWhatMay(): void {
    const waiting = this.#waiting;
    if (waiting === null) return;
    let passed = 0;
    for (const sample of waiting) {
      if (waiting.length - passed <= MAX_WAITING && !this.#isNext(sample)) break;
      this.#pass(sample);
      passed += 1;
    }
    waiting.splice(0, passed);
    if (waiting.length === 0) this.#waiting = null;
  }

  #pass(sample: EvaluatedSample): void {
    this.#sequenceNumber = sample.sequenceNumber;
    this.#slot = sample.slot;
    this.#take(sample);
  }
}
