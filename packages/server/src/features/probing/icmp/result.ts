// What the main thread sees of a probe's end: one view over the result ring that moves from result to result.
import { readAddress } from "../socket-address.js";
import { Control, RESULT_BYTES, type ResultKind, type SharedMemory } from "./rings.js";

/**
 * Valid only while the callback that was given it runs: the object is reused. Numbers are read without allocating.
 */
export interface IcmpResult {
  /** Chosen by whoever submitted the probe. */
  readonly tag: number;
  readonly kind: ResultKind;
  /** Round trip by kernel clocks, also of an ICMP error; 0 without an answer. */
  readonly rttNs: number;
  /** Wall clock, milliseconds since the epoch, of the real send (of giving up, when it could not be sent). */
  readonly sentAtMs: number;
  /** Wall clock of the answer, or of giving up. */
  readonly receivedAtMs: number;
  /** Of an `icmpError`. */
  readonly icmpType: number;
  readonly icmpCode: number;
  /** Of a `sendError`. */
  readonly errno: number;
  /** Who sent an `icmpError`; null for everything else. */
  readonly source: string | null;
  /** Whether the probe went out by IPv6; only for `icmpError`. */
  readonly isIpv6: boolean;
}

/** Reader's end of the result ring. */
export class ResultReader implements IcmpResult {
  readonly #control: Int32Array;
  readonly #view: DataView;
  readonly #mask: number;
  #at = 0;

  constructor(memory: SharedMemory) {
    this.#control = memory.control;
    this.#view = memory.results;
    this.#mask = memory.limits.resultRing - 1;
  }

  get rttNs(): number {
    return this.#view.getFloat64(this.#at, true);
  }
  get sentAtMs(): number {
    return this.#view.getFloat64(this.#at + 8, true);
  }
  get receivedAtMs(): number {
    return this.#view.getFloat64(this.#at + 16, true);
  }
  get tag(): number {
    return this.#view.getUint32(this.#at + 24, true);
  }
  get kind(): ResultKind {
    return this.#view.getUint8(this.#at + 30) as ResultKind;
  }
  get icmpType(): number {
    return this.#view.getUint16(this.#at + 28, true) >>> 8;
  }
  get icmpCode(): number {
    return this.#view.getUint16(this.#at + 28, true) & 0xff;
  }
  get errno(): number {
    return this.#view.getUint16(this.#at + 28, true);
  }
  get isIpv6(): boolean {
    return this.#view.getUint8(this.#at + 31) === 6;
  }
  get source(): string | null {
    const family = this.#view.getUint8(this.#at + 31);
    return family === 4 || family === 6 ? readAddress(this.#view, this.#at + 32, family) : null;
  }

  /** Shows the results that are there. When `show` throws, the others stay for the next time. */
  drain(show: (result: IcmpResult) => void): void {
    const control = this.#control;
    const tail = Atomics.load(control, Control.resultTail);
    for (let head = Atomics.load(control, Control.resultHead); head !== tail; head = (head + 1) | 0) {
      this.#at = (head & this.#mask) * RESULT_BYTES;
      try {
        show(this);
      } finally {
        Atomics.store(control, Control.resultHead, (head + 1) | 0);
      }
    }
  }
}
