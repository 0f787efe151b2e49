// How late probes started over the last seconds, in constant memory: counts in logarithmic buckets, for the current
// window and the one before it.

/** A reading covers between one and two of these. */
const WINDOW_MS = 5_000;
/** Each bucket is 5 % wider than the one before it, which is how exact a percentile is. */
const GROWTH = Math.log(1.05);
/** The last bucket begins at half a minute. */
const BUCKETS = 354;

export interface LatenessReading {
  readonly samplesPerSecond: number;
  /** Null without a sample. */
  readonly latenessP99Ms: number | null;
}

/** Times are monotonic milliseconds. */
export class RecentLateness {
  #current = new Uint32Array(BUCKETS);
  #previous = new Uint32Array(BUCKETS);
  #startedAt: number;
  #previousMs = 0;

  constructor(now: number) {
    this.#startedAt = now;
  }

  note(latenessUs: number, now: number): void {
    this.#turn(now);
    const bucket = Math.min(Math.floor(Math.log(latenessUs + 1) / GROWTH), BUCKETS - 1);
    this.#current[bucket] = (this.#current[bucket] ?? 0) + 1;
  }

  read(now: number): LatenessReading {
    this.#turn(now);
    const counts = this.#current.map((count, bucket) => count + (this.#previous[bucket] ?? 0));
    const total = counts.reduce((sum, count) => sum + count, 0);
    const spanMs = this.#previousMs + now - this.#startedAt;
    if (total === 0) return { samplesPerSecond: 0, latenessP99Ms: null };
    let beyond = total;
    const bucket = counts.findIndex((count) => (beyond -= count) <= total / 100);
    return {
      samplesPerSecond: Number(((total * 1_000) / Math.max(spanMs, 1_000)).toFixed(1)),
      latenessP99Ms: Number(((Math.exp((bucket + 0.5) * GROWTH) - 1) / 1_000).toPrecision(3)),
    };
  }

  #turn(now: number): void {
    const elapsed = now - this.#startedAt;
    if (elapsed < WINDOW_MS) return;
    [this.#previous, this.#current] = [this.#current, this.#previous];
    this.#current.fill(0);
    this.#previousMs = elapsed;
    // Nobody asked for long: what was then is no longer recent.
    if (elapsed >= 2 * WINDOW_MS) {
      this.#previous.fill(0);
      this.#previousMs = 0;
    }
    this.#startedAt = now;
  }
}
