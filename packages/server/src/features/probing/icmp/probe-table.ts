// Every probe the worker knows: those that are due, those that await an answer, and for a while those that have ended,
// so that duplicate and late replies find their probe. Columns of numbers; nothing is allocated per probe.
import { randomFillSync } from "node:crypto";

export const ProbeState = {
  free: 0,
  /** Waits for its moment. */
  due: 1,
  /** Sent; awaits its answer. */
  awaiting: 2,
  /** Ended by a reply: another reply is a duplicate. */
  answered: 3,
  /** Ended without one: a reply is late. */
  unanswered: 4,
} as const;
export type ProbeState = (typeof ProbeState)[keyof typeof ProbeState];

/** Replies find their probe for this long after it ended; less only when the table is full. */
export const STRAY_WINDOW_MS = 10_000;

export class ProbeTable {
  readonly capacity: number;
  /** Probes that are due or await an answer. */
  active = 0;
  /** Slots below this have been used; the memory above is untouched and costs nothing. */
  used = 0;

  readonly state: Uint8Array;
  readonly tag: Uint32Array;
  readonly target: Uint32Array;
  readonly timeoutMs: Uint32Array;
  readonly payloadBytes: Uint16Array;
  /** 4 or 6. */
  readonly family: Uint8Array;
  /** Distinguishes the probes that one slot holds over time; its low 16 bits are the ICMP sequence. */
  readonly number: Uint32Array;
  /** Random: what only the probe's target, and whoever lies on the way there, can know. */
  readonly secret: Uint32Array;
  /** 1 once a send was refused for want of buffers. */
  readonly wasRetried: Uint8Array;
  /** The wall clock read just before sending, see libc.nanosecondsOf. */
  readonly clockNs: Float64Array;
  /** The kernel's transmit stamp; 0 until there is one. */
  readonly stampNs: Float64Array;
  /** Monotonic time just before sending, and of ending. */
  readonly sentAt: Float64Array;
  readonly endedAt: Float64Array;
  /** Ended slots, the longest ended first: the next to be used again. */
  readonly #ended: Int32Array;
  #endedHead = 0;
  #endedCount = 0;
  #nextNumber = 0;
  /** Drawn many at a time, which makes one as good as free. */
  readonly #secrets = new Uint32Array(1_024);
  #secretsLeft = 0;
  /** Slot of the latest probe with an ICMP sequence, plus one. */
  readonly #slotBySequence = new Int32Array(65_536);

  constructor(capacity: number) {
    this.capacity = capacity;
    this.state = new Uint8Array(capacity);
    this.tag = new Uint32Array(capacity);
    this.target = new Uint32Array(capacity);
    this.timeoutMs = new Uint32Array(capacity);
    this.payloadBytes = new Uint16Array(capacity);
    this.family = new Uint8Array(capacity);
    this.number = new Uint32Array(capacity);
    this.secret = new Uint32Array(capacity);
    this.wasRetried = new Uint8Array(capacity);
    this.clockNs = new Float64Array(capacity);
    this.stampNs = new Float64Array(capacity);
    this.sentAt = new Float64Array(capacity);
    this.endedAt = new Float64Array(capacity);
    this.#ended = new Int32Array(capacity);
  }

  /** A slot for a new probe; -1 when all are active. */
  take(now: number): number {
    const slot = this.#nextSlot(now);
    if (slot < 0) return -1;
    this.state[slot] = ProbeState.due;
    this.wasRetried[slot] = 0;
    this.stampNs[slot] = 0;
    this.active += 1;
    return slot;
  }

  /** Numbers a probe that is about to be sent, and gives it a secret. */
  assignNumber(slot: number): number {
    const number = this.#nextNumber;
    this.#nextNumber = (number + 1) >>> 0;
    this.number[slot] = number;
    this.secret[slot] = this.#drawSecret();
    this.#slotBySequence[number & 0xffff] = slot + 1;
    return number;
  }

  /** The slot of the latest probe with this ICMP sequence that still is in the table, or -1. */
  slotOfSequence(sequence: number): number {
    const slot = (this.#slotBySequence[sequence] ?? 0) - 1;
    return slot >= 0 && ((this.number[slot] ?? 0) & 0xffff) === sequence ? slot : -1;
  }

  end(slot: number, state: ProbeState, now: number): void {
    this.state[slot] = state;
    this.endedAt[slot] = now;
    this.#ended[(this.#endedHead + this.#endedCount) % this.capacity] = slot;
    this.#endedCount += 1;
    this.active -= 1;
  }

  #drawSecret(): number {
    if (this.#secretsLeft === 0) {
      randomFillSync(this.#secrets);
      this.#secretsLeft = this.#secrets.length;
    }
    this.#secretsLeft -= 1;
    return this.#secrets[this.#secretsLeft] ?? 0;
  }

  #nextSlot(now: number): number {
    const oldest = this.#ended[this.#endedHead] ?? 0;
    const isFull = this.used === this.capacity;
    const mayReuse = this.#endedCount > 0 && (isFull || now - (this.endedAt[oldest] ?? 0) >= STRAY_WINDOW_MS);
    if (mayReuse) {
      this.#endedHead = (this.#endedHead + 1) % this.capacity;
      this.#endedCount -= 1;
      return oldest;
    }
    if (isFull) return -1;
    this.used += 1;
    return this.used - 1;
  }
}
