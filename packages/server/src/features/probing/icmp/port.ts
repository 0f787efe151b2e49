// One echo socket at work: sends probes, reads what comes back and finds the probe that each packet belongs to.
import { performance } from "node:perf_hooks";
import { countDrops, restartTransmitCount, setTtl, type EchoSocket } from "./echo-socket.js";
import { ErrorOrigin, Inbox, INBOX_MESSAGES } from "./inbox.js";
import type { Ledger } from "./ledger.js";
import * as libc from "../libc.js";
import {
  MAX_ECHO_BYTES,
  readIpv4Packet,
  Reading,
  readMessage,
  readQuotedEcho,
  Seen,
  writeEchoRequest,
} from "./packet.js";
import { ProbeState, STRAY_WINDOW_MS } from "./probe-table.js";
import { ResultKind, TARGET_BYTES, TARGET_PAYLOAD_AT, TARGET_TTL_AT, type SharedMemory } from "./rings.js";

/** Room in the result ring for a batch of errors and a batch of packets: each may end a probe, a packet twice over. */
const ERROR_RESERVE = 3 * INBOX_MESSAGES;
export const RESULT_RESERVE = ERROR_RESERVE + INBOX_MESSAGES;
/** Transmit stamps are read within a few sends; a deep driver queue may hold some thousands back. */
const KEY_RING = 16_384;
/** What the kernel's stamps may exceed the monotonic clock by before we say that the wall clock was stepped. */
const CLOCK_SLACK_NS = 2e6;

const { errno } = libc;

export class Port {
  readonly socket: EchoSocket;
  readonly #ledger: Ledger;
  /** Tells our packets from everybody else's: random per engine. */
  readonly #instance: number;
  readonly #targets: DataView;
  readonly #targetsAddress: number;
  readonly #packets = new Inbox();
  readonly #errors = new Inbox();
  readonly #reading = new Reading();
  readonly #request = new libc.NativeMemory(MAX_ECHO_BYTES);
  #ttl = -1;
  /** Slot by the kernel's count of packets sent. */
  readonly #slotByKey = new Int32Array(KEY_RING);
  #nextKey = 0;
  #drops: number;
  #dropsSeenAt = -1;

  constructor(socket: EchoSocket, ledger: Ledger, memory: SharedMemory, instance: number) {
    this.socket = socket;
    this.#ledger = ledger;
    this.#instance = instance;
    this.#targets = memory.targets;
    this.#targetsAddress = libc.addressOf(memory.buffer) + memory.targetsAt;
    this.#drops = countDrops(socket);
  }

  /** Sends a probe that is due; answers 0, or the errno by which the system refused. */
  send(slot: number): number {
    const { socket } = this;
    const { table } = this.#ledger;
    const target = (table.target[slot] ?? 0) * TARGET_BYTES;
    const ttl = this.#targets.getUint8(target + TARGET_TTL_AT);
    if (ttl !== this.#ttl) setTtl(socket, ttl);
    this.#ttl = ttl;
    const payloadBytes = this.#targets.getUint16(target + TARGET_PAYLOAD_AT, true);
    const number = table.assignNumber(slot);
    const length = writeEchoRequest(
      this.#request.view,
      socket.family,
      socket.identifier,
      payloadBytes,
      this.#instance,
      table.secret[slot] ?? 0,
      number,
      slot,
    );
    table.sentAt[slot] = performance.now();
    let clockNs = libc.realtimeNs();
    let refusal = this.#transmit(length, target);
    if (refusal !== 0 && socket.mode === "ping") {
      // A ping socket reports an earlier probe's ICMP error once more, on whatever call comes next.
      clockNs = libc.realtimeNs();
      refusal = this.#transmit(length, target);
    }
    if (refusal !== 0) return refusal;
    table.payloadBytes[slot] = payloadBytes;
    table.clockNs[slot] = clockNs;
    table.stampNs[slot] = 0;
    this.#slotByKey[this.#nextKey & (KEY_RING - 1)] = slot;
    this.#nextKey += 1;
    return 0;
  }

  /** Reads everything there is. False when some had to stay for want of room in the result ring. */
  listen(): boolean {
    const inbox = this.#packets;
    for (;;) {
      if (this.#ledger.results.room < RESULT_RESERVE) return false;
      const count = inbox.receive(this.socket.fd, false);
      // A packet's transmit stamp is queued before its answer can be: now the stamps of all these answers are there.
      const heardErrors = this.#readErrors();
      for (let index = 0; index < count; index += 1) {
        inbox.readControl(index);
        this.#readPacket(index);
      }
      if (count < INBOX_MESSAGES) return heardErrors;
    }
  }

  /** Monotonic time at which the kernel was last seen to have thrown packets away for lack of room; -1 for never. */
  newestDropAt(): number {
    const drops = countDrops(this.socket);
    if (drops !== this.#drops) {
      this.#ledger.count("kernelDrops", (drops - this.#drops) >>> 0);
      this.#drops = drops;
      this.#dropsSeenAt = this.#ledger.now;
    }
    return this.#dropsSeenAt;
  }

  #transmit(length: number, target: number): number {
    const sent = libc.sendto(
      this.socket.fd,
      this.#request.address,
      length,
      libc.MSG_DONTWAIT,
      this.#targetsAddress + target,
      this.socket.family === 4 ? 16 : 28,
    );
    if (sent >= 0) return 0;
    const refusal = libc.lastErrno();
    // A raw socket that finds no route has not counted the packet; otherwise nobody can tell.
    const isUncounted =
      this.socket.mode === "raw" && (refusal === errno.ENETUNREACH || refusal === errno.EHOSTUNREACH);
    if (!isUncounted && this.socket.hasKernelStamps) {
      this.#readErrors();
      restartTransmitCount(this.socket);
      this.#nextKey = 0;
    }
    return refusal;
  }

  #readPacket(index: number): void {
    const { family, mode } = this.socket;
    const { view, stampNs } = this.#packets;
    const reading = this.#reading;
    const offset = this.#packets.packetOffset(index);
    const length = this.#packets.packetBytes(index);
    if (mode === "raw" && family === 4) readIpv4Packet(view, offset, length, reading);
    else readMessage(view, family, offset, length, reading);
    const receivedNs = Number.isNaN(stampNs) ? libc.realtimeNs() : stampNs;
    if (reading.seen === Seen.reply) this.#takeReply(receivedNs);
    else if (reading.seen === Seen.error) {
      const source =
        reading.sourceOffset >= 0 ? reading.sourceOffset : this.#packets.addressOffset(index, family === 6);
      this.#takeError(receivedNs, view, reading.quotedDestinationOffset, source);
    } else this.#ledger.count(reading.seen === Seen.malformed ? "malformed" : "foreign");
  }

  #readErrors(): boolean {
    const inbox = this.#errors;
    for (;;) {
      if (this.#ledger.results.room < ERROR_RESERVE) return false;
      const count = inbox.receive(this.socket.fd, true);
      for (let index = 0; index < count; index += 1) {
        inbox.readControl(index);
        this.#readError(index);
      }
      if (count < INBOX_MESSAGES) return true;
    }
  }

  /** An entry of the error queue: a transmit stamp or, on ping sockets, an ICMP error. */
  #readError(index: number): void {
    const inbox = this.#errors;
    const { family } = this.socket;
    if (inbox.errorOrigin === ErrorOrigin.timestamping) {
      this.#takeTransmitStamp(inbox.errorKey, inbox.stampNs);
      return;
    }
    const isIcmp = inbox.errorOrigin === ErrorOrigin.icmp || inbox.errorOrigin === ErrorOrigin.icmp6;
    if (!isIcmp || this.socket.mode !== "ping") return;
    const reading = this.#reading;
    readQuotedEcho(inbox.view, family, inbox.packetOffset(index), inbox.packetBytes(index), reading);
    if (reading.seen !== Seen.error) {
      this.#ledger.count("malformed");
      return;
    }
    reading.icmpType = inbox.errorType;
    reading.icmpCode = inbox.errorCode;
    const receivedNs = Number.isNaN(inbox.stampNs) ? libc.realtimeNs() : inbox.stampNs;
    const destination = inbox.addressOffset(index, family === 6);
    this.#takeError(receivedNs, inbox.view, destination, inbox.offenderOffset);
  }

  #takeTransmitStamp(key: number, stampNs: number): void {
    const { table } = this.#ledger;
    const slot = this.#slotByKey[key & (KEY_RING - 1)] ?? 0;
    // A stamp from before the count was restarted, or of a slot's former probe, is older than the probe's own send.
    const fits = table.state[slot] === ProbeState.awaiting && stampNs >= (table.clockNs[slot] ?? 0);
    if (fits) table.stampNs[slot] = stampNs;
  }

  #takeReply(receivedNs: number): void {
    const ledger = this.#ledger;
    const { table } = ledger;
    const slot = this.#slotOfToken();
    if (slot < 0) {
      ledger.count("foreign");
      return;
    }
    if (this.#reading.payloadBytes !== table.payloadBytes[slot]) {
      ledger.count("malformed");
      return;
    }
    const state = table.state[slot];
    if (state === ProbeState.awaiting) {
      const rttNs = this.#rttNs(slot, receivedNs);
      if (rttNs <= (table.timeoutMs[slot] ?? 0) * 1e6) {
        ledger.answer(slot, rttNs, ledger.sentNs(slot), receivedNs);
        return;
      }
      // It came after its time, only this loop had not noticed yet.
      ledger.giveUp(slot, ResultKind.timeout);
      ledger.stray(slot, ResultKind.late, receivedNs);
      return;
    }
    const isRecent = ledger.now - (table.endedAt[slot] ?? 0) <= STRAY_WINDOW_MS;
    if (state === ProbeState.answered && isRecent) ledger.stray(slot, ResultKind.duplicate, receivedNs);
    else if (state === ProbeState.unanswered && isRecent) ledger.stray(slot, ResultKind.late, receivedNs);
    else ledger.count("foreign");
  }

  #takeError(receivedNs: number, view: DataView, destinationOffset: number, sourceOffset: number): void {
    const ledger = this.#ledger;
    const reading = this.#reading;
    const slot = reading.hasToken
      ? this.#slotOfToken()
      : reading.identifier === this.socket.identifier
        ? ledger.table.slotOfSequence(reading.sequence)
        : -1;
    const typeAndCode = reading.icmpType * 256 + reading.icmpCode;
    const isOurs =
      slot >= 0 &&
      ledger.table.state[slot] === ProbeState.awaiting &&
      this.#wentTo(slot, view, destinationOffset);
    if (!isOurs) {
      ledger.count("foreign");
      return;
    }
    const rttNs = this.#rttNs(slot, receivedNs);
    ledger.refuse(slot, rttNs, ledger.sentNs(slot), receivedNs, typeAndCode, view, sourceOffset);
  }

  /** The slot of the probe that the packet just read names, or -1. */
  #slotOfToken(): number {
    const reading = this.#reading;
    const { table } = this.#ledger;
    const isOurs =
      reading.identifier === this.socket.identifier &&
      reading.instance === this.#instance &&
      reading.slot < table.used &&
      table.secret[reading.slot] === reading.secret &&
      table.number[reading.slot] === reading.number &&
      (reading.number & 0xffff) === reading.sequence &&
      table.family[reading.slot] === this.socket.family;
    return isOurs ? reading.slot : -1;
  }

  #wentTo(slot: number, view: DataView, addressOffset: number): boolean {
    if (addressOffset < 0) return false;
    const isIpv6 = this.socket.family === 6;
    const target = (this.#ledger.table.target[slot] ?? 0) * TARGET_BYTES + (isIpv6 ? 8 : 4);
    for (let index = 0; index < (isIpv6 ? 16 : 4); index += 4)
      if (view.getUint32(addressOffset + index) !== this.#targets.getUint32(target + index)) return false;
    return true;
  }

  /** By kernel stamps; where a step of the wall clock made that impossible, what the monotonic clock has seen. */
  #rttNs(slot: number, receivedNs: number): number {
    const ledger = this.#ledger;
    const { table } = ledger;
    if (table.stampNs[slot] === 0) ledger.count("fallbackStamps");
    const rttNs = receivedNs - ledger.sentNs(slot);
    const elapsedNs = (performance.now() - (table.sentAt[slot] ?? 0)) * 1e6;
    if (rttNs >= 0 && rttNs <= elapsedNs + CLOCK_SLACK_NS) return rttNs;
    ledger.count("clockSteps");
    return elapsedNs;
  }
}
