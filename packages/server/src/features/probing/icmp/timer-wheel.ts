// A hashed timer wheel over integer ids: adding, removing and firing cost the same however many are waiting, and
// nothing is allocated after construction.

/** One bucket per tick; no timer may lie further ahead. 65 s at 1 ms, beyond the longest timeout (60 s). */
export const WHEEL_TICKS = 65_536;

export class TimerWheel {
  /** Timers that are waiting. */
  size = 0;
  /** First id of each bucket plus one; 0 is an empty bucket, so untouched memory costs nothing. */
  readonly #heads = new Int32Array(WHEEL_TICKS);
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** Bucket of each id plus one; 0 when the id is not waiting. */
  readonly #bucket: Int32Array;
  /** The next tick to fire. */
  #tick: number;

  constructor(ids: number, tick: number) {
    this.#next = new Int32Array(ids);
    this.#previous = new Int32Array(ids);
    this.#bucket = new Int32Array(ids);
    this.#tick = tick;
  }

  /** Fires `id` at `tick`, or at the next advance when that tick has passed. The id must not be waiting. */
  add(id: number, tick: number): void {
    const at = Math.min(Math.max(tick, this.#tick), this.#tick + WHEEL_TICKS - 1);
    const bucket = at & (WHEEL_TICKS - 1);
    const head = this.#at(this.#heads, bucket);
    this.#next[id] = head;
    this.#previous[id] = 0;
    if (head !== 0) this.#previous[head - 1] = id + 1;
    this.#heads[bucket] = id + 1;
    this.#bucket[id] = bucket + 1;
    this.size += 1;
  }

  remove(id: number): void {
    const bucket = this.#at(this.#bucket, id);
    if (bucket === 0) return;
    const next = this.#at(this.#next, id);
    const previous = this.#at(this.#previous, id);
    if (previous === 0) this.#heads[bucket - 1] = next;
    else this.#next[previous - 1] = next;
    if (next !== 0) this.#previous[next - 1] = previous;
    this.#bucket[id] = 0;
    this.size -= 1;
  }

  /**
   * Fires everything due up to and including `tick`. `mayFire` is asked before each; when it says no, the rest waits
   * for the next call. `fire` may add and remove timers.
   */
  advance(tick: number, mayFire: () => boolean, fire: (id: number) => void): void {
    while (this.#tick <= tick) {
      if (this.size === 0) {
        this.#tick = tick + 1;
        return;
      }
      const bucket = this.#tick & (WHEEL_TICKS - 1);
      for (let head = this.#at(this.#heads, bucket); head !== 0; head = this.#at(this.#heads, bucket)) {
        if (!mayFire()) return;
        this.remove(head - 1);
        fire(head - 1);
      }
      this.#tick += 1;
    }
  }

  #at(array: Int32Array, index: number): number {
    return array[index] ?? 0;
  }
}
