// Opens the one socket per family that all probes share: an unprivileged ping socket where the kernel allows it,
// otherwise a raw socket, otherwise a reason that names the fix.
import * as libc from "../libc.js";
import { icmpTypes, type Family } from "./packet.js";

export type SocketMode = "ping" | "raw";

export interface EchoSocket {
  readonly fd: number;
  readonly family: Family;
  readonly mode: SocketMode;
  /** Of all our echo requests: random for raw sockets, given by the kernel for ping sockets. */
  readonly identifier: number;
  /** The kernel stamps what we send and receive; false where it refused. */
  readonly hasKernelStamps: boolean;
}

export type SocketAttempt =
  | { ok: true; socket: EchoSocket }
  | { ok: false; code: "permission" | "socket"; message: string };

export const PERMISSION_FIX =
  'Allow unprivileged ping sockets with `sysctl -w net.ipv4.ping_group_range="0 2147483647"`, ' +
  "or give the program CAP_NET_RAW, for example with `setcap cap_net_raw+ep` on the node binary.";

/**
 * Replies and transmit stamps wait here while the worker does something else. The kernel charges ~800 B for each, so
 * this holds ~40,000: more than a third of a second at 100,000 probes/s. Without CAP_NET_ADMIN the kernel gives
 * at most net.core.rmem_max.
 */
const RECEIVE_BUFFER_BYTES = 32 * 1024 * 1024;
const SEND_BUFFER_BYTES = 4 * 1024 * 1024;

const TIMESTAMPING = {
  txSoftware: 1 << 1,
  rxSoftware: 1 << 3,
  report: 1 << 4,
  countSends: 1 << 7,
  stampOnly: 1 << 11,
};
const STAMP_RECEIVED = TIMESTAMPING.rxSoftware | TIMESTAMPING.report;
const STAMP_BOTH =
  STAMP_RECEIVED | TIMESTAMPING.txSoftware | TIMESTAMPING.countSends | TIMESTAMPING.stampOnly;

const scratch = new libc.NativeMemory(256);

/** `modes` in the order of preference. */
export function openEchoSocket(family: Family, modes: readonly SocketMode[]): SocketAttempt {
  let refused = false;
  let message = "";
  for (const mode of modes) {
    const fd = libc.socket(
      family === 4 ? libc.AF_INET : libc.AF_INET6,
      (mode === "ping" ? libc.SOCK_DGRAM : libc.SOCK_RAW) | libc.SOCK_CLOEXEC | libc.SOCK_NONBLOCK,
      family === 4 ? libc.IPPROTO_ICMP : libc.IPPROTO_ICMPV6,
    );
    if (fd >= 0) return prepare(fd, family, mode);
    const error = libc.lastErrno();
    refused ||= error === libc.errno.EPERM || error === libc.errno.EACCES;
    message = libc.describeErrno(error);
  }
  return refused
    ? { ok: false, code: "permission", message: `ICMP is not permitted to this user. ${PERMISSION_FIX}` }
    : { ok: false, code: "socket", message: `the system has no ICMP socket for IPv${family}: ${message}` };
}

/**
 * Starts the kernel's count of sent packets, by which transmit stamps are told apart, at zero again: after a send
 * failed, nobody says whether it was counted.
 */
export function restartTransmitCount(socket: EchoSocket): void {
  setOption(socket.fd, libc.SOL_SOCKET, libc.SO_TIMESTAMPING, STAMP_RECEIVED);
  setOption(socket.fd, libc.SOL_SOCKET, libc.SO_TIMESTAMPING, STAMP_BOTH);
}

export function setTtl(socket: EchoSocket, ttl: number): void {
  if (socket.family === 4) setOption(socket.fd, libc.IPPROTO_IP, libc.IP_TTL, ttl);
  else setOption(socket.fd, libc.IPPROTO_IPV6, libc.IPV6_UNICAST_HOPS, ttl);
}

/** Packets the kernel has thrown away because the socket's receive buffer was full, since it was opened (wraps). */
export function countDrops(socket: EchoSocket): number {
  const SK_MEMINFO_DROPS = 8;
  scratch.view.setUint32(0, 64, true);
  const failed = libc.getsockopt(
    socket.fd,
    libc.SOL_SOCKET,
    libc.SO_MEMINFO,
    scratch.address + 8,
    scratch.address,
  );
  return failed === 0 ? scratch.view.getUint32(8 + 4 * SK_MEMINFO_DROPS, true) : 0;
}

function prepare(fd: number, family: Family, mode: SocketMode): SocketAttempt {
  const identifier = mode === "ping" ? bindForIdentifier(fd, family) : 1 + Math.floor(Math.random() * 0xffff);
  if (identifier < 0) {
    const message = `the ICMP socket cannot be bound: ${libc.describeErrno(libc.lastErrno())}`;
    libc.close(fd);
    return { ok: false, code: "socket", message };
  }
  if (!setOption(fd, libc.SOL_SOCKET, libc.SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES))
    setOption(fd, libc.SOL_SOCKET, libc.SO_RCVBUF, RECEIVE_BUFFER_BYTES);
  if (!setOption(fd, libc.SOL_SOCKET, libc.SO_SNDBUFFORCE, SEND_BUFFER_BYTES))
    setOption(fd, libc.SOL_SOCKET, libc.SO_SNDBUF, SEND_BUFFER_BYTES);
  if (mode === "raw") {
    passOnlyAnswers(fd, family);
    dropRepliesToOthers(fd, family, identifier);
  } else {
    // A ping socket hears of ICMP errors through its error queue only.
    if (family === 4) setOption(fd, libc.IPPROTO_IP, libc.IP_RECVERR, 1);
    else setOption(fd, libc.IPPROTO_IPV6, libc.IPV6_RECVERR, 1);
  }
  const hasKernelStamps = setOption(fd, libc.SOL_SOCKET, libc.SO_TIMESTAMPING, STAMP_BOTH);
  return { ok: true, socket: { fd, family, mode, identifier, hasKernelStamps } };
}

/** The "port" of a bound ping socket is the identifier of everything it sends. -1 when it cannot be bound. */
function bindForIdentifier(fd: number, family: Family): number {
  const length = family === 4 ? 16 : 28;
  scratch.bytes.fill(0);
  scratch.view.setUint16(0, family === 4 ? libc.AF_INET : libc.AF_INET6, true);
  if (libc.bind(fd, scratch.address, length) !== 0) return -1;
  scratch.view.setUint32(128, length, true);
  if (libc.getsockname(fd, scratch.address, scratch.address + 128) !== 0) return -1;
  return scratch.view.getUint16(2);
}

/** The kernel's filter by ICMP type: a set bit blocks. */
function passOnlyAnswers(fd: number, family: Family): void {
  const types = icmpTypes[family];
  const passed = [types.reply, types.unreachable, types.timeExceeded, types.parameterProblem, types.tooBig];
  scratch.bytes.fill(0xff, 0, 32);
  for (const type of passed) {
    if (type < 0) continue;
    const at = (type >>> 5) * 4;
    scratch.view.setUint32(at, scratch.view.getUint32(at, true) & ~(1 << (type & 31)), true);
  }
  if (family === 4) libc.setsockopt(fd, libc.SOL_RAW, libc.ICMP_FILTER, scratch.address, 4);
  else libc.setsockopt(fd, libc.IPPROTO_ICMPV6, libc.ICMPV6_FILTER, scratch.address, 32);
}

/**
 * A raw socket is given every echo reply this machine receives. This classic BPF program keeps those of other pings
 * out of our receive buffer; errors pass, for their quote lies at a varying place.
 */
function dropRepliesToOthers(fd: number, family: Family, identifier: number): void {
  const PASS = 0xffff_ffff;
  const program: [code: number, ifTrue: number, ifFalse: number, value: number][] =
    family === 4
      ? [
          [0xb1, 0, 0, 0], // x = bytes of the IP header
          [0x50, 0, 0, 0], // a = ICMP type
          [0x15, 0, 3, icmpTypes[4].reply], // not a reply: pass
          [0x48, 0, 0, 4], // a = identifier
          [0x15, 1, 0, identifier], // ours: pass
          [0x06, 0, 0, 0],
          [0x06, 0, 0, PASS],
        ]
      : [
          [0x30, 0, 0, 0],
          [0x15, 0, 3, icmpTypes[6].reply],
          [0x28, 0, 0, 4],
          [0x15, 1, 0, identifier],
          [0x06, 0, 0, 0],
          [0x06, 0, 0, PASS],
        ];
  const PROGRAM_AT = 16;
  scratch.view.setUint16(0, program.length, true);
  scratch.view.setBigUint64(8, BigInt(scratch.address + PROGRAM_AT), true);
  for (const [index, [code, ifTrue, ifFalse, value]] of program.entries()) {
    const at = PROGRAM_AT + index * 8;
    scratch.view.setUint16(at, code, true);
    scratch.view.setUint8(at + 2, ifTrue);
    scratch.view.setUint8(at + 3, ifFalse);
    scratch.view.setUint32(at + 4, value, true);
  }
  libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_ATTACH_FILTER, scratch.address, 16);
}

function setOption(fd: number, level: number, name: number, value: number): boolean {
  const at = 200;
  scratch.view.setInt32(at, value, true);
  return libc.setsockopt(fd, level, name, scratch.address + at, 4) === 0;
}
