// The few system calls the engines need, through koffi. Loaded in their workers only. Linux, 64-bit, little-endian:
// the constants and structure layouts below are those of its kernel interface, alike on x64, arm64 and riscv64.
import { getSystemErrorMap } from "node:util";
import koffi from "koffi";

export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_CLOEXEC = 0o2000000;
export const SOCK_NONBLOCK = 0o4000;
export const IPPROTO_IP = 0;
export const IPPROTO_ICMP = 1;
export const IPPROTO_TCP = 6;
export const IPPROTO_IPV6 = 41;
export const IPPROTO_ICMPV6 = 58;
export const SOL_SOCKET = 1;
export const SOL_RAW = 255;
export const SO_ERROR = 4;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_LINGER = 13;
export const SO_ATTACH_FILTER = 26;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
export const SO_TIMESTAMPING = 37;
export const SO_MEMINFO = 55;
export const TCP_INFO = 11;
export const IP_TTL = 2;
export const IP_RECVERR = 11;
export const IPV6_UNICAST_HOPS = 16;
export const IPV6_RECVERR = 25;
export const ICMP_FILTER = 1;
export const ICMPV6_FILTER = 1;
export const MSG_DONTWAIT = 0x40;
export const MSG_ERRQUEUE = 0x2000;
export const MSG_NOSIGNAL = 0x4000;
export const CLOCK_REALTIME = 0;
export const EPOLL_CLOEXEC = 0o2000000;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_MOD = 3;
export const EPOLLIN = 0x1;
export const EPOLLOUT = 0x4;
export const EPOLLERR = 0x8;
/** An event is told once for each change, not for as long as it holds. */
export const EPOLLET = 2 ** 31;
/** struct epoll_event is packed on x64 alone: events (4), data (8). */
export const EPOLL_EVENT_BYTES = process.arch === "x64" ? 12 : 16;
export const EPOLL_DATA_AT = process.arch === "x64" ? 4 : 8;
export const EFD_CLOEXEC = 0o2000000;
export const EFD_NONBLOCK = 0o4000;

export const errno = {
  EPERM: 1,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EAFNOSUPPORT: 97,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ENOBUFS: 105,
  EHOSTUNREACH: 113,
  EINPROGRESS: 115,
} as const;

const library = koffi.load(null);
// Addresses travel as plain numbers: half the price of handing over typed arrays.
export const socket: (domain: number, type: number, protocol: number) => number =
  library.func("int socket(int, int, int)");
export const close: (fd: number) => number = library.func("int close(int)");
export const bind: (fd: number, address: number, length: number) => number = library.func(
  "int bind(int, intptr_t, uint32_t)",
);
export const getsockname: (fd: number, address: number, length: number) => number = library.func(
  "int getsockname(int, intptr_t, intptr_t)",
);
export const setsockopt: (fd: number, level: number, name: number, value: number, length: number) => number =
  library.func("int setsockopt(int, int, int, intptr_t, uint32_t)");
export const getsockopt: (fd: number, level: number, name: number, value: number, length: number) => number =
  library.func("int getsockopt(int, int, int, intptr_t, intptr_t)");
export const sendto: (
  fd: number,
  bytes: number,
  length: number,
  flags: number,
  address: number,
  addressLength: number,
) => number = library.func("long sendto(int, intptr_t, size_t, int, intptr_t, uint32_t)");
export const recvmmsg: (
  fd: number,
  messages: number,
  count: number,
  flags: number,
  timeout: number,
) => number = library.func("int recvmmsg(int, intptr_t, uint32_t, int, intptr_t)");
export const connect: (fd: number, address: number, length: number) => number = library.func(
  "int connect(int, intptr_t, uint32_t)",
);
export const send: (fd: number, bytes: number, length: number, flags: number) => number = library.func(
  "long send(int, intptr_t, size_t, int)",
);
export const recv: (fd: number, bytes: number, length: number, flags: number) => number = library.func(
  "long recv(int, intptr_t, size_t, int)",
);
export const eventfd: (count: number, flags: number) => number = library.func("int eventfd(uint32_t, int)");
export const epollCreate: (flags: number) => number = library.func("int epoll_create1(int)");
export const epollControl: (epoll: number, operation: number, fd: number, event: number) => number =
  library.func("int epoll_ctl(int, int, int, intptr_t)");
/** Waits in milliseconds, -1 without end. */
export const epollWait: (epoll: number, events: number, count: number, timeoutMs: number) => number =
  library.func("int epoll_wait(int, intptr_t, int, int)");
export const clockGettime: (clock: number, timespec: number) => number = library.func(
  "int clock_gettime(int, intptr_t)",
);
const ppoll: (fds: number, count: number, timespec: number, mask: number) => number = library.func(
  "int ppoll(intptr_t, uint64_t, intptr_t, intptr_t)",
);

/** The error number of the call that just failed on this thread. */
export function lastErrno(): number {
  return koffi.errno();
}

/** Memory that both JavaScript and the kernel see. It stays where it is for as long as the object lives. */
export class NativeMemory {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly address: number;

  constructor(size: number) {
    const buffer = new ArrayBuffer(size);
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.address = Number(koffi.address(buffer));
  }
}

/** Where shared memory lies, for handing parts of it to the kernel. */
export function addressOf(buffer: SharedArrayBuffer): number {
  return Number(koffi.address(new Uint8Array(buffer)));
}

const NS_PER_SECOND = 1e9;
const wholeSecondsAtStart = Math.floor(Date.now() / 1_000);

/** A moment of the kernel's wall clock in nanoseconds since this thread loaded: exact in a double for 104 days, to 2 ns for years. */
export function nanosecondsOf(view: DataView, timespecOffset: number): number {
  const seconds = view.getUint32(timespecOffset, true) + view.getUint32(timespecOffset + 4, true) * 2 ** 32;
  return (seconds - wholeSecondsAtStart) * NS_PER_SECOND + view.getUint32(timespecOffset + 8, true);
}

/** Milliseconds since the Unix epoch of such a moment. */
export function wallMs(nanoseconds: number): number {
  return wholeSecondsAtStart * 1_000 + nanoseconds / 1e6;
}

const clockMemory = new NativeMemory(16);

/** The kernel's wall clock, which also stamps packets. */
export function realtimeNs(): number {
  clockGettime(CLOCK_REALTIME, clockMemory.address);
  return nanosecondsOf(clockMemory.view, 0);
}

const sleepMemory = new NativeMemory(16);

/** Blocks this thread for less than a second. */
export function sleepMs(durationMs: number): void {
  sleepMemory.view.setBigInt64(0, 0n, true);
  sleepMemory.view.setUint32(8, Math.min(Math.max(durationMs, 0), 999) * 1e6, true);
  ppoll(0, 0, sleepMemory.address, 0);
}

/** `operation not permitted (EPERM)`. */
export function describeErrno(code: number): string {
  const [name, message] = getSystemErrorMap().get(-code) ?? [`errno ${code}`, "unknown error"];
  return `${message} (${name})`;
}
