// The kernel's own measurement of a connect: the time from SYN to SYN-ACK, untouched by a busy event loop.
import type { Socket } from "node:net";
import koffi from "koffi";

// <netinet/tcp.h> of Linux: getsockopt(fd, IPPROTO_TCP, TCP_INFO, …) fills struct tcp_info, whose layout only grows.
const IPPROTO_TCP = 6;
const TCP_INFO = 11;
export const TCP_INFO_BYTES = 104;
const RTT_OFFSET = 68; // tcpi_rtt, microseconds; after the handshake exactly its one measurement
const TOTAL_RETRANS_OFFSET = 100; // tcpi_total_retrans

type GetSockOpt = (fd: number, level: number, option: number, value: Buffer, length: Buffer) => number;

const getsockopt = loadGetSockOpt();
const info = Buffer.alloc(TCP_INFO_BYTES);
const infoView = new DataView(info.buffer, info.byteOffset);
const length = Buffer.alloc(4);

/**
 * Round trip of the handshake of a socket that just connected, in microseconds. Null where the kernel does not say, and
 * when the SYN had to be repeated: then the kernel's figure leaves out the wait before the repetition.
 */
export function handshakeRttUs(socket: Socket): number | null {
  const fd = fileDescriptor(socket);
  if (getsockopt === null || fd === null) return null;
  length.writeUInt32LE(TCP_INFO_BYTES);
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, length) !== 0) return null;
  return rttUsOf(infoView, 0, length.readUInt32LE());
}

/** The same out of a struct tcp_info of `bytes` bytes, which lies at `offset`. */
export function rttUsOf(view: DataView, offset: number, bytes: number): number | null {
  if (bytes < TCP_INFO_BYTES || view.getUint32(offset + TOTAL_RETRANS_OFFSET, true) > 0) return null;
  return view.getUint32(offset + RTT_OFFSET, true) || null;
}

/** Node has no public way to a socket's descriptor; its handle has had this property on every POSIX system since 0.x. */
function fileDescriptor(socket: Socket): number | null {
  const { _handle: handle } = socket as unknown as { _handle?: { fd?: unknown } | null };
  return typeof handle?.fd === "number" && handle.fd >= 0 ? handle.fd : null;
}

function loadGetSockOpt(): GetSockOpt | null {
  if (process.platform !== "linux") return null;
  // The program itself has the C library loaded, whichever it is (glibc, musl).
  return koffi.load(null).func("int getsockopt(int, int, int, void *, void *)");
}
