// The worker's loop: connects, sends and reads on non-blocking sockets that one epoll set watches. What it is told and
// what it finds lies in shared memory; moments are taken here, so a busy main thread does not smear them.
import * as libc from "../libc.js";
import { REDIRECT_STATUSES } from "../probers/http-terms.js";
import { HttpFormatError, Http1Reader } from "../probers/http1-reader.js";
import { rttUsOf, TCP_INFO_BYTES } from "../probers/tcp-info.js";
import {
  ADDRESS_BYTES,
  Control,
  Ending,
  MAX_EXCHANGES,
  PAYLOAD_BYTES,
  type SocketMemory,
  Stage,
  Wish,
} from "./memory.js";
import { processTime } from "./process-time.js";

/** Events and beginnings of one turn: so few that their moments, taken once a turn, are right to a millisecond. */
const EVENTS_PER_TURN = 32;
const BEGINNINGS_PER_TURN = 32;
/** The main thread is told of results at most this often: waking it costs as much as a probe. */
const TELL_INTERVAL_MS = 1;
/** A thread inside a system call cannot be ended: this is how long the end of a program may wait for it. */
const MAX_WAIT_MS = 100;
const RECEIVED_BYTES = 65_536;
/** The event that says "look at the queue". */
const WAKE_UP = MAX_EXCHANGES;

const EVENTS_AT = 0;
const CONTROL_AT = EVENTS_AT + EVENTS_PER_TURN * libc.EPOLL_EVENT_BYTES;
const VALUE_AT = CONTROL_AT + 16;
const LENGTH_AT = VALUE_AT + 8;
const LINGER_AT = LENGTH_AT + 8;
const INFO_AT = LINGER_AT + 8;
const SMALL_BYTES = INFO_AT + TCP_INFO_BYTES;

/** An answer that does not fit into the payload of its place. */
export interface LargeAnswer {
  place: number;
  headers: string;
  body: Uint8Array<ArrayBuffer>;
}

export class SocketLoop {
  readonly #memory: SocketMemory;
  readonly #tell: (answer: LargeAnswer | null) => void;
  readonly #epoll: number;
  readonly #readers: (Http1Reader | null)[] = Array.from({ length: MAX_EXCHANGES }, () => null);
  readonly #small = new libc.NativeMemory(SMALL_BYTES);
  readonly #received = new libc.NativeMemory(RECEIVED_BYTES);
  readonly #shared: number;
  /** When the events of this turn were seen. */
  #now = 0;
  #toldAt = 0;

  /** `tell`: null says that there are results. Closes neither `epoll` nor `wakeUp`. */
  constructor(
    memory: SocketMemory,
    { epoll, wakeUp }: { epoll: number; wakeUp: number },
    tell: (answer: LargeAnswer | null) => void,
  ) {
    this.#memory = memory;
    this.#tell = tell;
    this.#epoll = epoll;
    this.#shared = libc.addressOf(memory.buffer);
    this.#small.view.setInt32(LINGER_AT, 1, true); // struct linger: on, for no time at all
    // Told once for each write, so nobody has to read it empty.
    this.#watch(libc.EPOLL_CTL_ADD, wakeUp, libc.EPOLLIN | libc.EPOLLET, WAKE_UP);
  }

  /** Runs until the main thread closes; what is under way then ends as cancelled. */
  run(): void {
    const { control, fd } = this.#memory;
    while (Atomics.load(control, Control.closing) === 0) {
      this.#accept();
      this.#react(this.#wait());
      this.#tellMain();
    }
    this.#accept();
    for (let place = 0; place < MAX_EXCHANGES; place++)
      if (fd[place] !== -1) this.#end(place, Ending.cancelled);
  }

  #accept(): void {
    const { submissions, fd } = this.#memory;
    for (let count = 0; count < BEGINNINGS_PER_TURN; count++) {
      const place = submissions.shift();
      if (place === undefined) return;
      if (place >= 0) this.#begin(place);
      else if (fd[~place] !== -1) this.#end(~place, Ending.cancelled);
    }
  }

  /** Answers how many events there are. */
  #wait(): number {
    const { control, submissions, results } = this.#memory;
    Atomics.store(control, Control.workerWaits, 1);
    // What came before the flag was up has not woken us.
    const hasWork = !submissions.isEmpty || Atomics.load(control, Control.closing) === 1;
    const timeoutMs = hasWork ? 0 : results.isEmpty ? MAX_WAIT_MS : TELL_INTERVAL_MS;
    const count = libc.epollWait(this.#epoll, this.#small.address + EVENTS_AT, EVENTS_PER_TURN, timeoutMs);
    Atomics.store(control, Control.workerWaits, 0);
    return count;
  }

  #react(count: number): void {
    const { view } = this.#small;
    this.#now = processTime();
    for (let index = 0; index < count; index++) {
      const at = EVENTS_AT + index * libc.EPOLL_EVENT_BYTES;
      const place = view.getUint32(at + libc.EPOLL_DATA_AT, true);
      if (place === WAKE_UP) continue;
      if (this.#memory.stage[place] !== Stage.connecting) {
        this.#read(place);
        continue;
      }
      const errno = view.getUint32(at, true) & libc.EPOLLERR ? this.#socketError(place) : 0;
      if (errno === 0) this.#connected(place);
      else this.#end(place, Ending.failed, errno);
    }
  }

  #tellMain(): void {
    const { control, results } = this.#memory;
    if (results.isEmpty || this.#now - this.#toldAt < TELL_INTERVAL_MS) return;
    if (Atomics.exchange(control, Control.mainIsAwake, 1) === 1) return;
    this.#toldAt = this.#now;
    this.#tell(null);
  }

  #begin(place: number): void {
    const memory = this.#memory;
    const at = place * ADDRESS_BYTES;
    memory.startedAt[place] = processTime();
    const flags = libc.SOCK_STREAM | libc.SOCK_NONBLOCK | libc.SOCK_CLOEXEC;
    const fd = libc.socket(memory.addresses.getUint16(at, true), flags, 0);
    memory.fd[place] = fd;
    if (fd < 0) return this.#end(place, Ending.refusedHere, libc.lastErrno());
    if (libc.connect(fd, this.#shared + memory.addressesAt + at, ADDRESS_BYTES) !== 0) {
      const errno = libc.lastErrno();
      if (errno !== libc.errno.EINPROGRESS) return this.#end(place, Ending.refusedHere, errno);
    }
    if (this.#watch(libc.EPOLL_CTL_ADD, fd, libc.EPOLLOUT, place) !== 0)
      this.#end(place, Ending.refusedHere, libc.lastErrno());
  }

  #connected(place: number): void {
    const memory = this.#memory;
    const fd = memory.fd[place] ?? -1;
    const wishes = memory.wishes[place] ?? 0;
    memory.connectedAt[place] = this.#now;
    if ((wishes & Wish.answer) === 0) {
      memory.rttUs[place] = this.#handshakeRttUs(fd);
      return this.#end(place, Ending.success);
    }
    const request = this.#shared + memory.payloadAt + place * PAYLOAD_BYTES;
    // So little fits into the buffer of a new socket as a whole.
    if (libc.send(fd, request, memory.headBytes[place] ?? 0, libc.MSG_NOSIGNAL) < 0)
      return this.#end(place, Ending.failed, libc.lastErrno());
    const reader = new Http1Reader(wishes & Wish.head ? "HEAD" : "GET");
    reader.keepsBody = (wishes & Wish.body) !== 0;
    this.#readers[place] = reader;
    memory.stage[place] = Stage.waiting;
    this.#watch(libc.EPOLL_CTL_MOD, fd, libc.EPOLLIN, place);
  }

  #read(place: number): void {
    const memory = this.#memory;
    const reader = this.#readers[place];
    if (!reader) return;
    const count = libc.recv(memory.fd[place] ?? -1, this.#received.address, RECEIVED_BYTES, 0);
    if (count < 0) {
      const errno = libc.lastErrno();
      if (errno !== libc.errno.EAGAIN) this.#end(place, Ending.failed, errno);
    } else if (count === 0) {
      this.#end(place, reader.end() ? Ending.success : Ending.closed);
    } else {
      this.#push(place, reader, Buffer.from(this.#received.bytes.subarray(0, count)));
    }
  }

  #push(place: number, reader: Http1Reader, bytes: Buffer): void {
    const memory = this.#memory;
    let error: string | null = null;
    try {
      reader.push(bytes);
    } catch (cause) {
      if (!(cause instanceof HttpFormatError)) throw cause;
      error = cause.message;
    }
    if (reader.head !== null && memory.stage[place] === Stage.waiting) {
      memory.headAt[place] = this.#now;
      memory.status[place] = reader.head.status;
      memory.stage[place] = Stage.inBody;
      if (this.#leadsElsewhere(place, reader.head)) return this.#end(place, Ending.success);
    }
    if (reader.bodyBytes > (memory.maxBodyBytes[place] ?? 0)) this.#end(place, Ending.bodyTooLarge);
    else if (reader.isWhole) this.#end(place, Ending.success);
    else if (error !== null) this.#end(place, Ending.malformed, 0, error);
  }

  #leadsElsewhere(place: number, { status, headers }: NonNullable<Http1Reader["head"]>): boolean {
    const index = REDIRECT_STATUSES.indexOf(status);
    if (index === -1 || ((this.#memory.stopsAt[place] ?? 0) & (1 << index)) === 0) return false;
    if (!headers.has("location")) return false;
    this.#memory.wishes[place] = Wish.headers;
    return true;
  }

  /** Closes the socket by RST, so that no TIME_WAIT is left behind, and hands the place over. */
  #end(place: number, ending: number, errno = 0, error = ""): void {
    const memory = this.#memory;
    const fd = memory.fd[place] ?? -1;
    if (fd >= 0) {
      libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_LINGER, this.#small.address + LINGER_AT, 8);
      libc.close(fd);
      memory.fd[place] = -1;
    }
    const reader = this.#readers[place] ?? null;
    this.#readers[place] = null;
    memory.endedAt[place] = this.#now;
    memory.ending[place] = ending;
    memory.errno[place] = errno;
    if (this.#writeAnswer(place, reader, error)) memory.results.push(place);
  }

  /** False when it is too large for its place and was told in a message instead, which hands the place over. */
  #writeAnswer(place: number, reader: Http1Reader | null, error: string): boolean {
    const memory = this.#memory;
    const wishes = memory.wishes[place] ?? 0;
    const headers = wishes & Wish.headers && reader?.head ? JSON.stringify([...reader.head.headers]) : error;
    const body = wishes & Wish.body && reader !== null ? reader.body : null;
    const bodyBytes = body?.length ?? 0;
    // A character of a header is one byte, two in UTF-8, more where JSON escapes it.
    const headBytes = headers === "" ? 0 : Buffer.byteLength(headers);
    if (headBytes + bodyBytes > PAYLOAD_BYTES) {
      this.#tell({ place, headers, body: new Uint8Array(body ?? []) });
      return false;
    }
    const at = place * PAYLOAD_BYTES;
    if (headBytes > 0) memory.payload.write(headers, at);
    body?.copy(memory.payload, at + headBytes);
    memory.headBytes[place] = headBytes;
    memory.bodyBytes[place] = bodyBytes;
    return true;
  }

  #watch(operation: number, fd: number, events: number, data: number): number {
    const { view, address } = this.#small;
    view.setUint32(CONTROL_AT, events, true);
    view.setUint32(CONTROL_AT + libc.EPOLL_DATA_AT, data, true);
    return libc.epollControl(this.#epoll, operation, fd, address + CONTROL_AT);
  }

  #socketError(place: number): number {
    const { view, address } = this.#small;
    view.setUint32(LENGTH_AT, 4, true);
    const fd = this.#memory.fd[place] ?? -1;
    libc.getsockopt(fd, libc.SOL_SOCKET, libc.SO_ERROR, address + VALUE_AT, address + LENGTH_AT);
    return view.getInt32(VALUE_AT, true);
  }

  #handshakeRttUs(fd: number): number {
    const { view, address } = this.#small;
    view.setUint32(LENGTH_AT, TCP_INFO_BYTES, true);
    const { IPPROTO_TCP, TCP_INFO } = libc;
    if (libc.getsockopt(fd, IPPROTO_TCP, TCP_INFO, address + INFO_AT, address + LENGTH_AT) !== 0) return 0;
    return rttUsOf(view, INFO_AT, view.getUint32(LENGTH_AT, true)) ?? 0;
  }
}
