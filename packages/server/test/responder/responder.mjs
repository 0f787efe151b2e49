// Answers ICMP echo requests after a known delay, with known loss and duplicates (rules.mjs), inside a network namespace
// whose kernel does not answer them. Prints `ready`; when its input ends it prints what it did, with the kernel's
// receive and send times, as one line of JSON.
// usage: node responder.mjs DIST_FOLDER
import { pathToFileURL } from "node:url";
import { join } from "node:path";
import { writeSync } from "node:fs";
import koffi from "koffi";
import { copiesOf, ruleFor } from "./rules.mjs";

const compiled = (file) => import(pathToFileURL(join(process.argv[2], "features/probing/icmp", file)).href);
const libc = await compiled("../libc.js");
const { Inbox, ErrorOrigin } = await compiled("inbox.js");
const { checksum } = await compiled("packet.js");

const ppoll = koffi.load(null).func("int ppoll(intptr_t, uint64_t, intptr_t, intptr_t)");
const POLLIN = 1;
const IP_HDRINCL = 3;
const ECHO_REQUEST = 8;
const STAMPING = (1 << 1) | (1 << 3) | (1 << 4) | (1 << 7) | (1 << 11);
const IP_HEADER_BYTES = 20;

const option = new libc.NativeMemory(8);
function setOption(level, name, value) {
  option.view.setInt32(0, value, true);
  if (libc.setsockopt(fd, level, name, option.address, 4) !== 0)
    throw new Error(`setsockopt ${level} ${name}: ${libc.describeErrno(libc.lastErrno())}`);
}

const fd = libc.socket(
  libc.AF_INET,
  libc.SOCK_RAW | libc.SOCK_CLOEXEC | libc.SOCK_NONBLOCK,
  libc.IPPROTO_ICMP,
);
if (fd < 0) throw new Error(`socket: ${libc.describeErrno(libc.lastErrno())}`);
setOption(libc.SOL_RAW, libc.ICMP_FILTER, ~(1 << ECHO_REQUEST));
setOption(libc.IPPROTO_IP, IP_HDRINCL, 1);
setOption(libc.SOL_SOCKET, libc.SO_RCVBUFFORCE, 16 * 1024 * 1024);
setOption(libc.SOL_SOCKET, libc.SO_TIMESTAMPING, STAMPING);

const requests = new Inbox();
const stamps = new Inbox();
const outgoing = new libc.NativeMemory(2_048);
const socketAddress = new libc.NativeMemory(16);
const pollFds = new libc.NativeMemory(16);
const patience = new libc.NativeMemory(16);
pollFds.view.setInt32(0, fd, true);
pollFds.view.setInt16(4, POLLIN, true);
pollFds.view.setInt32(8, 0, true);
pollFds.view.setInt16(12, POLLIN, true);

/** By address: for each request, in the order they came, the nanoseconds each of its replies was held by kernel times. */
const held = {};
/** Replies not sent yet, the next due first. */
const waiting = [];
let keysSent = 0;

writeSync(1, "ready\n");
for (;;) {
  wait();
  if (pollFds.view.getInt16(14, true) !== 0) break;
  receive();
  while (waiting.length > 0 && waiting[0].dueNs <= libc.realtimeNs()) answer(waiting.shift());
}
writeSync(1, `${JSON.stringify({ held })}\n`);

function wait() {
  const untilNs = waiting.length === 0 ? 999e6 : Math.max(waiting[0].dueNs - libc.realtimeNs(), 0);
  patience.view.setBigInt64(0, 0n, true);
  patience.view.setBigInt64(8, BigInt(Math.floor(Math.min(untilNs, 999e6))), true);
  pollFds.view.setInt16(14, 0, true);
  ppoll(pollFds.address, 2, patience.address, 0);
}

function receive() {
  for (;;) {
    const count = requests.receive(fd, false);
    for (let index = 0; index < count; index += 1) {
      requests.readControl(index);
      const offset = requests.packetOffset(index);
      const bytes = Buffer.from(requests.view.buffer.slice(offset, offset + requests.packetBytes(index)));
      accept(bytes, requests.stampNs);
    }
    if (count === 0) return;
  }
}

function accept(packet, receivedNs) {
  const address = packet.subarray(16, 20).join(".");
  const rule = ruleFor(packet[19]);
  const replies = [];
  held[address] ??= [];
  held[address].push(replies);
  for (let copy = copiesOf(rule, held[address].length); copy > 0; copy -= 1)
    waiting.push({ packet, rule, receivedNs, dueNs: receivedNs + rule.delayMs * 1e6, replies });
  waiting.sort((one, other) => one.dueNs - other.dueNs);
}

function answer({ packet, rule, receivedNs, replies }) {
  const length = write(packet, rule.answer ?? "reply");
  socketAddress.view.setUint16(0, libc.AF_INET, true);
  socketAddress.bytes.set(packet.subarray(12, 16), 4);
  const sent = libc.sendto(fd, outgoing.address, length, 0, socketAddress.address, 16);
  if (sent < 0) throw new Error(`sendto: ${libc.describeErrno(libc.lastErrno())}`);
  replies.push(transmitStamp(keysSent) - receivedNs);
  keysSent += 1;
}

/** Sending through veth is synchronous: the stamp is there. */
function transmitStamp(key) {
  for (;;) {
    const count = stamps.receive(fd, true);
    if (count === 0) throw new Error(`no transmit stamp for packet ${key}`);
    for (let index = 0; index < count; index += 1) {
      stamps.readControl(index);
      if (stamps.errorOrigin === ErrorOrigin.timestamping && stamps.errorKey === key) return stamps.stampNs;
    }
  }
}

/** Writes IP header and ICMP message from the probed address back to the prober; answers the length of both. */
function write(packet, kind) {
  const icmp = packet.subarray((packet[0] & 0x0f) * 4);
  const message = messageOf(kind, packet, icmp);
  const total = IP_HEADER_BYTES + message.length;
  const { bytes, view } = outgoing;
  bytes.fill(0, 0, IP_HEADER_BYTES);
  bytes[0] = 0x45;
  view.setUint16(2, total);
  bytes[8] = 64;
  bytes[9] = libc.IPPROTO_ICMP;
  bytes.set(packet.subarray(16, 20), 12);
  bytes.set(packet.subarray(12, 16), 16);
  bytes.set(message, IP_HEADER_BYTES);
  view.setUint16(IP_HEADER_BYTES + 2, 0);
  const sum = checksum(view, IP_HEADER_BYTES, message.length);
  view.setUint16(IP_HEADER_BYTES + 2, kind === "wrongChecksum" ? sum ^ 0x5555 : sum);
  return total;
}

function messageOf(kind, packet, icmp) {
  const header = packet.length - icmp.length;
  switch (kind) {
    case "unreachable":
      return Buffer.concat([Buffer.from([3, 1, 0, 0, 0, 0, 0, 0]), packet.subarray(0, header + 8)]);
    case "filtered":
      return Buffer.concat([Buffer.from([3, 13, 0, 0, 0, 0, 0, 0]), packet]);
    case "ttlExceeded":
      return Buffer.concat([Buffer.from([11, 0, 0, 0, 0, 0, 0, 0]), packet.subarray(0, header + 8)]);
    case "misquoted": {
      const quote = Buffer.from(packet);
      quote[19] ^= 1;
      return Buffer.concat([Buffer.from([3, 1, 0, 0, 0, 0, 0, 0]), quote]);
    }
    default: {
      const reply = Buffer.from(icmp);
      reply[0] = 0;
      if (kind === "foreignToken") reply[8] ^= 0xff;
      if (kind === "wrongSecret") reply[12] ^= 0xff;
      if (kind === "truncated") return reply.subarray(0, 12);
      if (kind === "wrongLength") return reply.subarray(0, reply.length - 1);
      return reply;
    }
  }
}
