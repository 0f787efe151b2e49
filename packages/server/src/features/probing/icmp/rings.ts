// The memory that the main thread and the ICMP worker share: probes go one way, results the other, each through a
// bounded ring with one writer and one reader; the targets lie in a table beside them. No messages, no copies per probe.
import type { Family } from "./packet.js";

export interface EngineLimits {
  /** Probes that may be due or await their answer at a time. */
  maxOutstanding: number;
  maxTargets: number;
  /** Places of each ring; powers of two. */
  submissionRing: number;
  resultRing: number;
}

export const defaultLimits: EngineLimits = {
  maxOutstanding: 131_072,
  // 32 MiB of addresses, of which only those that are used take memory.
  maxTargets: 1_048_576,
  submissionRing: 32_768,
  resultRing: 32_768,
};

/** What became of a probe; `duplicate` and `late` come after one of the others. */
export const ResultKind = {
  reply: 1,
  timeout: 2,
  /** An ICMP error that quotes the probe. */
  icmpError: 3,
  /** The system refused to send it. */
  sendError: 4,
  cancelled: 5,
  /** No answer was seen, but the kernel threw packets away for lack of room: it may have been among them. */
  overloaded: 6,
  duplicate: 7,
  late: 8,
} as const;
export type ResultKind = (typeof ResultKind)[keyof typeof ResultKind];

export const counterNames = [
  "sent",
  "replies",
  "timeouts",
  "icmpErrors",
  "sendErrors",
  "cancelled",
  "overloaded",
  "duplicates",
  "late",
  /** Packets that were none of our business. */
  "foreign",
  /** Truncated, damaged or lying packets. */
  "malformed",
  /** Sends that were tried again after the system was short of buffers. */
  "sendRetries",
  /** Replies whose send time is the clock read just before sending, for want of a kernel stamp. */
  "fallbackStamps",
  /** RTTs that the wall clock's steps had made impossible; the monotonic clock's was taken. */
  "clockSteps",
  /** Packets the kernel threw away because our receive buffer was full. */
  "kernelDrops",
  /** Ticks that waited because the main thread did not take its results. */
  "stalledTicks",
  /** Probes that are due or await their answer now. */
  "outstanding",
] as const;
export type Counter = (typeof counterNames)[number];

/** Words of shared state, by index. */
export const Control = {
  submissionHead: 0,
  submissionTail: 1,
  resultHead: 2,
  resultTail: 3,
  /** 1 while the worker sleeps until it is notified. */
  workerSleeps: 4,
  /** 1 from the worker's wake-up message until the main thread begins to take results. */
  mainIsAwake: 5,
  closing: 6,
} as const;
const CONTROL_WORDS = 16;

export const SubmissionKind = { probe: 0, cancel: 1 } as const;

export const SUBMISSION_BYTES = 32;
export const RESULT_BYTES = 64;
/** struct sockaddr_in6 (28), payload bytes (2), TTL (1), family (1). */
export const TARGET_BYTES = 32;
export const TARGET_PAYLOAD_AT = 28;
export const TARGET_TTL_AT = 30;
export const TARGET_FAMILY_AT = 31;

/** Views of the shared memory; each side makes its own. */
export class SharedMemory {
  readonly buffer: SharedArrayBuffer;
  readonly limits: EngineLimits;
  readonly control: Int32Array;
  readonly counters: Float64Array;
  readonly targets: DataView;
  readonly targetsAt: number;
  readonly submissions: DataView;
  readonly results: DataView;
  readonly resultBytes: Uint8Array;

  constructor(limits: EngineLimits, buffer?: SharedArrayBuffer) {
    const countersAt = CONTROL_WORDS * 4;
    const submissionsAt = countersAt + counterNames.length * 8;
    const resultsAt = submissionsAt + limits.submissionRing * SUBMISSION_BYTES;
    const targetsAt = resultsAt + limits.resultRing * RESULT_BYTES;
    const totalBytes = targetsAt + limits.maxTargets * TARGET_BYTES;
    this.buffer = buffer ?? new SharedArrayBuffer(totalBytes);
    this.limits = limits;
    this.control = new Int32Array(this.buffer, 0, CONTROL_WORDS);
    this.counters = new Float64Array(this.buffer, countersAt, counterNames.length);
    this.submissions = new DataView(this.buffer, submissionsAt, limits.submissionRing * SUBMISSION_BYTES);
    this.results = new DataView(this.buffer, resultsAt, limits.resultRing * RESULT_BYTES);
    this.resultBytes = new Uint8Array(this.buffer, resultsAt, limits.resultRing * RESULT_BYTES);
    this.targets = new DataView(this.buffer, targetsAt, limits.maxTargets * TARGET_BYTES);
    this.targetsAt = targetsAt;
  }
}

/** Main thread → worker. */
export class SubmissionRing {
  readonly #control: Int32Array;
  readonly #view: DataView;
  readonly #mask: number;

  constructor(memory: SharedMemory) {
    this.#control = memory.control;
    this.#view = memory.submissions;
    this.#mask = memory.limits.submissionRing - 1;
  }

  /** False when the ring is full. Wakes the worker if it sleeps. */
  push(kind: number, target: number, tag: number, dueAtMs: number, timeoutMs: number): boolean {
    const control = this.#control;
    const tail = Atomics.load(control, Control.submissionTail);
    if (((tail - Atomics.load(control, Control.submissionHead)) | 0) > this.#mask) return false;
    const at = (tail & this.#mask) * SUBMISSION_BYTES;
    this.#view.setFloat64(at, dueAtMs, true);
    this.#view.setUint32(at + 8, target, true);
    this.#view.setUint32(at + 12, tag, true);
    this.#view.setUint32(at + 16, timeoutMs, true);
    this.#view.setUint32(at + 20, kind, true);
    Atomics.store(control, Control.submissionTail, (tail + 1) | 0);
    if (Atomics.load(control, Control.workerSleeps) === 1) wakeWorker(control);
    return true;
  }

  get isEmpty(): boolean {
    return (
      Atomics.load(this.#control, Control.submissionHead) ===
      Atomics.load(this.#control, Control.submissionTail)
    );
  }

  /** Hands over what lies in the ring until `take` says no more; that entry stays. */
  drain(
    take: (kind: number, target: number, tag: number, dueAtMs: number, timeoutMs: number) => boolean,
  ): void {
    const control = this.#control;
    const tail = Atomics.load(control, Control.submissionTail);
    let head = Atomics.load(control, Control.submissionHead);
    while (head !== tail) {
      const at = (head & this.#mask) * SUBMISSION_BYTES;
      const taken = take(
        this.#view.getUint32(at + 20, true),
        this.#view.getUint32(at + 8, true),
        this.#view.getUint32(at + 12, true),
        this.#view.getFloat64(at, true),
        this.#view.getUint32(at + 16, true),
      );
      if (!taken) break;
      head = (head + 1) | 0;
    }
    Atomics.store(control, Control.submissionHead, head);
  }
}

export function wakeWorker(control: Int32Array): void {
  Atomics.store(control, Control.workerSleeps, 0);
  Atomics.notify(control, Control.workerSleeps);
}

/** Worker's end of the result ring. It asks for `room` before it causes results, so `push` always has a place. */
export class ResultWriter {
  readonly #control: Int32Array;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #size: number;

  constructor(memory: SharedMemory) {
    this.#control = memory.control;
    this.#view = memory.results;
    this.#bytes = memory.resultBytes;
    this.#size = memory.limits.resultRing;
  }

  get room(): number {
    return this.#size - this.pending;
  }

  get pending(): number {
    const { resultTail, resultHead } = Control;
    return (Atomics.load(this.#control, resultTail) - Atomics.load(this.#control, resultHead)) | 0;
  }

  /**
   * `detail`: type·256 + code of an ICMP error, or an errno. The address of who said it lies in `source` at
   * `sourceOffset`; -1 for none.
   */
  push(
    kind: ResultKind,
    tag: number,
    rttNs: number,
    sentAtMs: number,
    receivedAtMs: number,
    detail: number,
    family: Family,
    source: DataView | null,
    sourceOffset: number,
  ): void {
    const tail = Atomics.load(this.#control, Control.resultTail);
    const at = (tail & (this.#size - 1)) * RESULT_BYTES;
    const view = this.#view;
    view.setFloat64(at, rttNs, true);
    view.setFloat64(at + 8, sentAtMs, true);
    view.setFloat64(at + 16, receivedAtMs, true);
    view.setUint32(at + 24, tag, true);
    view.setUint16(at + 28, detail, true);
    view.setUint8(at + 30, kind);
    const hasSource = source !== null && sourceOffset >= 0;
    view.setUint8(at + 31, hasSource ? family : 0);
    if (hasSource) {
      const length = family === 4 ? 4 : 16;
      for (let index = 0; index < length; index += 1)
        this.#bytes[at + 32 + index] = source.getUint8(sourceOffset + index);
    }
    Atomics.store(this.#control, Control.resultTail, (tail + 1) | 0);
  }
}
