// Where probes end: takes a probe out of the table and the wheel, counts what became of it and writes the result.
import { TimingWheel } from "../wheel.js";
import * as libc from "../libc.js";
import type { Family } from "./packet.js";
import { ProbeState, ProbeTable } from "./probe-table.js";
import { counterNames, ResultKind, ResultWriter, type Counter, type SharedMemory } from "./rings.js";

const counterIndex = Object.fromEntries(counterNames.map((name, index) => [name, index])) as Record<
  Counter,
  number
>;

const counterOfKind: Record<ResultKind, Counter> = {
  [ResultKind.reply]: "replies",
  [ResultKind.timeout]: "timeouts",
  [ResultKind.icmpError]: "icmpErrors",
  [ResultKind.sendError]: "sendErrors",
  [ResultKind.cancelled]: "cancelled",
  [ResultKind.overloaded]: "overloaded",
  [ResultKind.duplicate]: "duplicates",
  [ResultKind.late]: "late",
};

export class Ledger {
  readonly table: ProbeTable;
  /** When each probe is to be sent, or times out. */
  readonly wheel: TimingWheel;
  readonly results: ResultWriter;
  /** Probes that await an answer, by address family. */
  readonly awaiting = new Int32Array(7);
  /** Monotonic milliseconds at the start of this tick. */
  now = 0;
  readonly #counters: Float64Array;

  constructor(memory: SharedMemory, now: number) {
    this.table = new ProbeTable(memory.limits.maxOutstanding);
    this.wheel = new TimingWheel(now);
    this.results = new ResultWriter(memory);
    this.now = now;
    this.#counters = memory.counters;
  }

  count(counter: Counter, by = 1): void {
    const index = counterIndex[counter];
    this.#counters[index] = (this.#counters[index] ?? 0) + by;
  }

  set(counter: Counter, value: number): void {
    this.#counters[counterIndex[counter]] = value;
  }

  /** A probe was answered by an echo reply. Times are the kernel's, see libc.nanosecondsOf. */
  answer(slot: number, rttNs: number, sentNs: number, receivedNs: number): void {
    this.#finish(slot, ResultKind.reply, ProbeState.answered, rttNs, sentNs, receivedNs, 0, null, -1);
  }

  /** A probe was answered by an ICMP error from the address at `sourceOffset`. */
  refuse(
    slot: number,
    rttNs: number,
    sentNs: number,
    receivedNs: number,
    typeAndCode: number,
    source: DataView,
    sourceOffset: number,
  ): void {
    this.#finish(
      slot,
      ResultKind.icmpError,
      ProbeState.unanswered,
      rttNs,
      sentNs,
      receivedNs,
      typeAndCode,
      source,
      sourceOffset,
    );
  }

  /** A probe ended without word from outside. `errno` for `sendError`. */
  giveUp(slot: number, kind: ResultKind, errno = 0): void {
    const wasSent = this.table.state[slot] === ProbeState.awaiting;
    const nowNs = libc.realtimeNs();
    const sentNs = wasSent ? this.sentNs(slot) : nowNs;
    const isForgotten = kind === ResultKind.cancelled || kind === ResultKind.sendError;
    const state = isForgotten ? ProbeState.free : ProbeState.unanswered;
    this.#finish(slot, kind, state, 0, sentNs, nowNs, errno, null, -1);
  }

  /** A further reply to a probe that has ended. */
  stray(slot: number, kind: ResultKind, receivedNs: number): void {
    this.table.state[slot] = ProbeState.answered;
    this.count(counterOfKind[kind]);
    const rttNs = Math.max(receivedNs - this.sentNs(slot), 0);
    this.#write(slot, kind, rttNs, this.sentNs(slot), receivedNs, 0, null, -1);
  }

  /** When a probe was sent: the kernel's stamp, else the clock read just before. */
  sentNs(slot: number): number {
    const { stampNs, clockNs } = this.table;
    const stamp = stampNs[slot] ?? 0;
    return stamp === 0 ? (clockNs[slot] ?? 0) : stamp;
  }

  #finish(
    slot: number,
    kind: ResultKind,
    state: ProbeState,
    rttNs: number,
    sentNs: number,
    receivedNs: number,
    detail: number,
    source: DataView | null,
    sourceOffset: number,
  ): void {
    const family = this.#familyOf(slot);
    if (this.table.state[slot] === ProbeState.awaiting)
      this.awaiting[family] = (this.awaiting[family] ?? 0) - 1;
    this.wheel.remove(slot);
    this.table.end(slot, state, this.now);
    this.count(counterOfKind[kind]);
    this.#write(slot, kind, rttNs, sentNs, receivedNs, detail, source, sourceOffset);
  }

  #write(
    slot: number,
    kind: ResultKind,
    rttNs: number,
    sentNs: number,
    receivedNs: number,
    detail: number,
    source: DataView | null,
    sourceOffset: number,
  ): void {
    const tag = this.table.tag[slot] ?? 0;
    const sentAtMs = libc.wallMs(sentNs);
    const receivedAtMs = libc.wallMs(receivedNs);
    this.results.push(
      kind,
      tag,
      rttNs,
      sentAtMs,
      receivedAtMs,
      detail,
      this.#familyOf(slot),
      source,
      sourceOffset,
    );
  }

  #familyOf(slot: number): Family {
    return this.table.family[slot] === 6 ? 6 : 4;
  }
}
