// Which samples of a job at a location were evaluated: the same one may be told again, by a repeated batch or by the
// reading of history, and none may be counted twice.

/**
 * Slots remembered below the newest: 51 seconds at the shortest cadence; a result that overtakes nothing for so long is no
 * longer news. More bits than this would no longer lie in the array itself, and cost three times as much memory.
 */
const REMEMBERED = 512;
const BITS = 32;

export class SeenSlots {
  /** The highest sequence number so far. */
  #newest = -1;
  readonly #bits = new Uint32Array(REMEMBERED / BITS);

  /** True the first time a sequence number comes; false for one so far below the newest that it is not known any more. */
  add(sequenceNumber: number): boolean {
    if (sequenceNumber > this.#newest) {
      const passed = Math.min(sequenceNumber - this.#newest, REMEMBERED);
      for (let back = 0; back < passed; back += 1) this.#set(sequenceNumber - back, false);
      this.#newest = sequenceNumber;
    } else if (sequenceNumber <= this.#newest - REMEMBERED || this.#has(sequenceNumber)) {
      return false;
    }
    this.#set(sequenceNumber, true);
    return true;
  }

  #has(sequenceNumber: number): boolean {
    const place = sequenceNumber % REMEMBERED;
    return ((this.#bits[place >> 5] ?? 0) & (1 << (place & 31))) !== 0;
  }

  #set(sequenceNumber: number, isSeen: boolean): void {
    if (sequenceNumber < 0) return;
    const place = sequenceNumber % REMEMBERED;
    const mask = 1 << (place & 31);
    const word = this.#bits[place >> 5] ?? 0;
    this.#bits[place >> 5] = isSeen ? word | mask : word & ~mask;
  }
}
