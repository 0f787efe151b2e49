// What was measured and is in memory only, oldest first.
import { hourOf } from "./partitions.js";
import type { Batch, SampleRecord, StrayCount, StrayKind } from "./sample.js";

/** Samples of one statement: enough for 20,000 a second, and no statement longer than some tens of milliseconds. */
export const MAX_BATCH = 5_000;
/** Samples held while a write hangs: ten seconds, the longest a write may hang, at 25,000 a second. */
const MAX_BUFFERED = 250_000;
/** Stray replies are counted per job, location and hour; beyond this many they are not counted. */
const MAX_STRAY_COUNTS = 100_000;

/** A queue of samples and the counts of stray replies; bounded, dropping the oldest samples. */
export class SampleBuffer {
  #samples: SampleRecord[] = [];
  readonly #strays = new Map<string, StrayCount>();
  /** When the oldest content came, in the caller's monotonic milliseconds; meaningless while empty. */
  since = 0;

  get isEmpty(): boolean {
    return this.#samples.length === 0 && this.#strays.size === 0;
  }

  /** Samples and stray counts together. */
  get size(): number {
    return this.#samples.length + this.#strays.size;
  }

  get sampleCount(): number {
    return this.#samples.length;
  }

  /** Returns how many of the oldest samples were dropped to make room. */
  add(sample: SampleRecord, now: number): number {
    if (this.isEmpty) this.since = now;
    this.#samples.push(sample);
    if (this.#samples.length <= MAX_BUFFERED) return 0;
    return this.#samples.splice(0, MAX_BATCH).length;
  }

  countStray(jobNo: number, locationNo: number, kind: StrayKind, atMs: number, now: number): void {
    if (this.isEmpty) this.since = now;
    const hourSlot = hourOf(atMs);
    const isDuplicate = kind === "duplicate";
    this.#addStrays({
      hourSlot,
      jobNo,
      locationNo,
      duplicates: isDuplicate ? 1 : 0,
      late: isDuplicate ? 0 : 1,
    });
  }

  /** Takes the oldest samples, at most a statement's worth, and all stray counts. */
  take(now: number): Batch {
    const samples = this.#samples.splice(0, MAX_BATCH);
    const strays = [...this.#strays.values()];
    this.#strays.clear();
    this.since = now;
    return { samples, strays };
  }

  /** Puts a batch that was taken back to the front, due at once. */
  putBack(batch: Batch): void {
    this.#samples = [...batch.samples, ...this.#samples];
    for (const count of batch.strays) this.#addStrays(count);
    this.since = -Infinity;
  }

  #addStrays(more: StrayCount): void {
    const key = `${more.jobNo} ${more.locationNo} ${more.hourSlot}`;
    const count = this.#strays.get(key);
    if (count !== undefined) {
      count.duplicates += more.duplicates;
      count.late += more.late;
    } else if (this.#strays.size < MAX_STRAY_COUNTS) {
      this.#strays.set(key, more);
    }
  }
}
