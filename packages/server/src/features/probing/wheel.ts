// A hierarchical timing wheel (Varghese & Lauck, 1987, scheme 7): three levels of 1,024 buckets, 1 ms, 1.024 s and
// 17.5 min wide, so that an entry up to 12.4 days ahead finds its bucket at once. Entries are small integers chosen by
// the caller; the lists through the buckets live in typed arrays, so 100,000 entries are 1.6 MB and no garbage.
// The wheel knows no clock and no timer: whoever owns it calls `advance`. The schedule has one in wall-clock time for the
// slots of jobs, the ICMP engine one in monotonic time for sends and timeouts.

const BITS = 10;
const BUCKETS = 1 << BITS;
const LEVELS = 3;
/** Width of a level's bucket in milliseconds; the last is what the whole wheel spans. */
const WIDTH = [1, BUCKETS, BUCKETS ** 2, BUCKETS ** 3] as const;
const SPAN_MS = WIDTH[LEVELS];
const WORDS = BUCKETS / 32;
const NONE = -1;
const INITIAL_CAPACITY = 64;

export class TimingWheel {
  /** The last millisecond whose entries have fired. */
  #time: number;
  #size = 0;
  #dueAt = new Float64Array(INITIAL_CAPACITY);
  #next = new Int32Array(INITIAL_CAPACITY).fill(NONE);
  #previous = new Int32Array(INITIAL_CAPACITY).fill(NONE);
  /** The bucket an entry lies in, counted over all levels; NONE when it is not in the wheel. */
  #bucket = new Int32Array(INITIAL_CAPACITY).fill(NONE);
  readonly #heads = new Int32Array(LEVELS * BUCKETS).fill(NONE);
  /** A bit for each bucket that holds something, so that empty stretches are passed 32 at a time. */
  readonly #occupied = new Uint32Array(LEVELS * WORDS);

  constructor(nowMs: number) {
    this.#time = Math.floor(nowMs);
  }

  /** The last millisecond whose entries have fired. */
  get time(): number {
    return this.#time;
  }

  get size(): number {
    return this.#size;
  }

  /** Puts `entry` (an integer ≥ 0) at a whole millisecond, wherever it was before; what is overdue fires at the next one. O(1). */
  schedule(entry: number, dueAtMs: number): void {
    this.#ensureCapacity(entry);
    if (this.#bucket[entry] === NONE) this.#size += 1;
    else this.#unlink(entry);
    this.#dueAt[entry] = dueAtMs;
    this.#place(entry, this.#time + 1);
  }

  /** Takes `entry` out; nothing happens when it is not in. O(1). */
  remove(entry: number): void {
    if ((this.#bucket[entry] ?? NONE) === NONE) return;
    this.#unlink(entry);
    this.#size -= 1;
  }

  /**
   * Fires everything due at or before `nowMs`, in order of time, each entry taken out before its call; `fire` may
   * schedule and remove entries, itself included. `mayFire` is asked before each; when it says no, the rest waits for
   * the next call. Going backwards does nothing (see `restart`).
   * Cost: what fires or moves down a level, and at most 96 words looked at for each occupied millisecond.
   */
  advance(nowMs: number, fire: (entry: number, dueAtMs: number) => void, mayFire = always): void {
    const now = Math.floor(nowMs);
    for (let at = this.nextAt(); at <= now; at = this.nextAt()) {
      this.#time = at;
      for (let level = LEVELS - 1; level > 0; level -= 1) {
        if (at % width(level) === 0) this.#moveDown(level, at);
      }
      const bucket = at % BUCKETS;
      // Whatever `fire` schedules lands in another bucket, so this one runs empty.
      for (let entry = this.#head(bucket); entry !== NONE; entry = this.#head(bucket)) {
        if (!mayFire()) {
          this.#time = at - 1;
          return;
        }
        this.#unlink(entry);
        this.#size -= 1;
        fire(entry, this.#due(entry));
      }
    }
    if (now > this.#time) this.#time = now;
  }

  /** The next time at which `advance` has something to do, often earlier than the next entry; Infinity when empty. */
  nextAt(): number {
    let earliest = Infinity;
    if (this.#size === 0) return earliest;
    for (let level = 0; level < LEVELS; level += 1) {
      const current = Math.floor(this.#time / width(level));
      const distance = this.#distanceToOccupied(level, current % BUCKETS);
      if (distance !== Infinity) earliest = Math.min(earliest, (current + distance) * width(level));
    }
    return earliest;
  }

  /** Sets the time, also backwards, keeping every entry. O(entries): for steps of the wall clock. */
  restart(nowMs: number): void {
    this.#time = Math.floor(nowMs);
    this.#heads.fill(NONE);
    this.#occupied.fill(0);
    for (let entry = 0; entry < this.#bucket.length; entry += 1) {
      if (this.#bucket[entry] !== NONE) this.#place(entry, this.#time + 1);
    }
  }

  #moveDown(level: number, at: number): void {
    const bucket = level * BUCKETS + (Math.floor(at / width(level)) % BUCKETS);
    for (let entry = this.#head(bucket); entry !== NONE; entry = this.#head(bucket)) {
      this.#unlink(entry);
      this.#place(entry, at);
    }
  }

  /**
   * Links an entry into the finest level that reaches its time, or `earliest` when that is later. The finest reaches
   * less than once round, so that nothing is added to the bucket that is firing. Beyond the span an entry waits in the
   * farthest bucket and is placed anew.
   */
  #place(entry: number, earliest: number): void {
    const due = Math.min(Math.max(this.#due(entry), earliest), this.#time + SPAN_MS - 1);
    const ahead = due - this.#time;
    const level = ahead < width(1) ? 0 : ahead < width(2) ? 1 : 2;
    const index = Math.floor(due / width(level)) % BUCKETS;
    const bucket = level * BUCKETS + index;
    const head = this.#head(bucket);
    this.#next[entry] = head;
    this.#previous[entry] = NONE;
    this.#bucket[entry] = bucket;
    if (head !== NONE) this.#previous[head] = entry;
    this.#heads[bucket] = entry;
    setBit(this.#occupied, bucket);
  }

  #unlink(entry: number): void {
    const bucket = this.#bucket[entry] ?? NONE;
    const next = this.#next[entry] ?? NONE;
    const previous = this.#previous[entry] ?? NONE;
    if (next !== NONE) this.#previous[next] = previous;
    if (previous !== NONE) this.#next[previous] = next;
    else this.#heads[bucket] = next;
    if (this.#heads[bucket] === NONE) clearBit(this.#occupied, bucket);
    this.#bucket[entry] = NONE;
  }

  /** How many buckets after `from` the next occupied one lies, 1 to 1,024 (all the way round). */
  #distanceToOccupied(level: number, from: number): number {
    for (let distance = 1; distance <= BUCKETS;) {
      const index = (from + distance) % BUCKETS;
      const word = (this.#occupied[level * WORDS + (index >>> 5)] ?? 0) >>> (index & 31);
      if (word !== 0) return distance + lowestBit(word);
      distance += 32 - (index & 31);
    }
    return Infinity;
  }

  #head(bucket: number): number {
    return this.#heads[bucket] ?? NONE;
  }

  #due(entry: number): number {
    return this.#dueAt[entry] ?? 0;
  }

  #ensureCapacity(entry: number): void {
    const capacity = this.#bucket.length;
    if (entry < capacity) return;
    const wanted = Math.max(entry + 1, capacity * 2);
    const dueAt = new Float64Array(wanted);
    dueAt.set(this.#dueAt);
    this.#dueAt = dueAt;
    this.#next = grown(this.#next, wanted);
    this.#previous = grown(this.#previous, wanted);
    this.#bucket = grown(this.#bucket, wanted);
  }
}

function always(): boolean {
  return true;
}

function width(level: number): number {
  return WIDTH[level] ?? SPAN_MS;
}

function grown(old: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const array = new Int32Array(length).fill(NONE);
  array.set(old);
  return array;
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}

function setBit(bits: Uint32Array, index: number): void {
  bits[index >>> 5] = (bits[index >>> 5] ?? 0) | (1 << (index & 31));
}

function clearBit(bits: Uint32Array, index: number): void {
  bits[index >>> 5] = (bits[index >>> 5] ?? 0) & ~(1 << (index & 31));
}
