// Takes packets, kernel timestamps and socket errors from a socket, many per system call, into memory that is reused.
import * as libc from "../libc.js";
import { MAX_RECEIVED_BYTES } from "./packet.js";

/** Messages per system call. Beyond ~64 the call's own price no longer shows. */
export const INBOX_MESSAGES = 64;

const HEADER_BYTES = 64; // struct mmsghdr
const VECTOR_BYTES = 16; // struct iovec
const NAME_BYTES = 28; // struct sockaddr_in6
const NAME_STRIDE = 32;
/** Stamps (64), the extended error with its offender's address (16 + 16 + 28), and room for what later kernels add. */
const CONTROL_BYTES = 256;

const HEADERS_AT = 0;
const VECTORS_AT = HEADERS_AT + INBOX_MESSAGES * HEADER_BYTES;
const NAMES_AT = VECTORS_AT + INBOX_MESSAGES * VECTOR_BYTES;
const CONTROLS_AT = NAMES_AT + INBOX_MESSAGES * NAME_STRIDE;
const PACKETS_AT = CONTROLS_AT + INBOX_MESSAGES * CONTROL_BYTES;
const TOTAL_BYTES = PACKETS_AT + INBOX_MESSAGES * MAX_RECEIVED_BYTES;

const CONTROL_HEADER_BYTES = 16; // struct cmsghdr

/** Who made an entry of the error queue (`ee_origin`). */
export const ErrorOrigin = { none: 0, icmp: 2, icmp6: 3, timestamping: 4 } as const;

export class Inbox {
  readonly #memory = new libc.NativeMemory(TOTAL_BYTES);
  readonly view = this.#memory.view;

  // What `readControl` found with a message:
  /** Kernel's wall clock, see libc.nanosecondsOf; NaN without a stamp. */
  stampNs = Number.NaN;
  errorOrigin: number = ErrorOrigin.none;
  errorType = 0;
  errorCode = 0;
  /** For transmit stamps: the how-manieth packet of the socket. */
  errorKey = 0;
  /** Where the address of the host that sent the error lies, -1 without one. */
  offenderOffset = -1;

  constructor() {
    const { view, address } = this.#memory;
    for (let index = 0; index < INBOX_MESSAGES; index += 1) {
      const header = HEADERS_AT + index * HEADER_BYTES;
      const vector = VECTORS_AT + index * VECTOR_BYTES;
      const point = (at: number, to: number): void => view.setBigUint64(at, BigInt(address + to), true);
      point(header, NAMES_AT + index * NAME_STRIDE);
      point(header + 16, vector);
      view.setBigUint64(header + 24, 1n, true);
      point(header + 32, CONTROLS_AT + index * CONTROL_BYTES);
      point(vector, this.packetOffset(index));
      view.setBigUint64(vector + 8, BigInt(MAX_RECEIVED_BYTES), true);
      this.#rearm(index);
    }
  }

  /** Takes up to INBOX_MESSAGES without waiting; answers how many. They stay valid until the next call. */
  receive(fd: number, fromErrorQueue: boolean): number {
    const flags = libc.MSG_DONTWAIT | (fromErrorQueue ? libc.MSG_ERRQUEUE : 0);
    const count = libc.recvmmsg(fd, this.#memory.address + HEADERS_AT, INBOX_MESSAGES, flags, 0);
    return Math.max(count, 0);
  }

  packetOffset(index: number): number {
    return PACKETS_AT + index * MAX_RECEIVED_BYTES;
  }

  packetBytes(index: number): number {
    return this.view.getUint32(HEADERS_AT + index * HEADER_BYTES + 56, true);
  }

  /** Where the address of the sender lies (for errors on a ping socket: of the original destination). */
  addressOffset(index: number, isIpv6: boolean): number {
    return NAMES_AT + index * NAME_STRIDE + (isIpv6 ? 8 : 4);
  }

  /** Reads the kernel's notes on a message into this object and makes its slot ready for the next `receive`. */
  readControl(index: number): void {
    const view = this.view;
    this.stampNs = Number.NaN;
    this.errorOrigin = ErrorOrigin.none;
    this.offenderOffset = -1;
    const header = HEADERS_AT + index * HEADER_BYTES;
    const start = CONTROLS_AT + index * CONTROL_BYTES;
    const end = start + Math.min(view.getUint32(header + 40, true), CONTROL_BYTES);
    let at = start;
    while (at + CONTROL_HEADER_BYTES <= end) {
      const length = view.getUint32(at, true);
      if (length < CONTROL_HEADER_BYTES || at + length > end) break;
      this.#readNote(view.getInt32(at + 8, true), view.getInt32(at + 12, true), at + CONTROL_HEADER_BYTES);
      at += (length + 7) & ~7;
    }
    this.#rearm(index);
  }

  #readNote(level: number, type: number, at: number): void {
    const view = this.view;
    if (level === libc.SOL_SOCKET && type === libc.SO_TIMESTAMPING) {
      this.stampNs = libc.nanosecondsOf(view, at);
      return;
    }
    const isError =
      (level === libc.IPPROTO_IP && type === libc.IP_RECVERR) ||
      (level === libc.IPPROTO_IPV6 && type === libc.IPV6_RECVERR);
    if (!isError) return;
    this.errorOrigin = view.getUint8(at + 4);
    this.errorType = view.getUint8(at + 5);
    this.errorCode = view.getUint8(at + 6);
    this.errorKey = view.getUint32(at + 12, true);
    const offender = at + 16;
    const family = view.getUint16(offender, true);
    if (family === libc.AF_INET) this.offenderOffset = offender + 4;
    else if (family === libc.AF_INET6) this.offenderOffset = offender + 8;
  }

  /** The kernel shortens these to what it wrote. */
  #rearm(index: number): void {
    const header = HEADERS_AT + index * HEADER_BYTES;
    this.view.setUint32(header + 8, NAME_BYTES, true);
    this.view.setUint32(header + 40, CONTROL_BYTES, true);
  }
}
