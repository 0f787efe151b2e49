// The memory that the main thread and the socket worker share: a place for each exchange under way, and two queues of
// places, one each way. The main thread takes a place and hands it back, so neither queue can ever be full.

/** Exchanges under way at once. */
export const MAX_EXCHANGES = 4_096;
/** struct sockaddr_in6, rounded up. */
export const ADDRESS_BYTES = 32;
/** Room of a place for its request, and afterwards for what is wanted of the answer. */
export const PAYLOAD_BYTES = 1_024;

/** How far an exchange is. */
export const Stage = { connecting: 0, waiting: 1, inBody: 2 } as const;

export const Ending = {
  /** Connected, when there was nothing to send; otherwise answered, up to where the answer was wanted. */
  success: 0,
  /** The answer is no HTTP/1.1; the payload says why. */
  malformed: 1,
  bodyTooLarge: 2,
  /** The target closed the connection too early. */
  closed: 3,
  /** A system call failed, see `errno`. */
  failed: 4,
  /** As `failed`, out of socket(2) or connect(2) itself. */
  refusedHere: 5,
  cancelled: 6,
} as const;

/** What an exchange asks for, as bits. */
export const Wish = {
  /** A request is sent, and its answer read. */
  answer: 1,
  /** The request is HEAD. */
  head: 2,
  /** The headers are handed over. */
  headers: 4,
  /** The body is handed over. */
  body: 8,
} as const;

/** Words of shared state, by index. */
export const Control = {
  submissionHead: 0,
  submissionTail: 1,
  resultHead: 2,
  resultTail: 3,
  /** 1 while the worker waits for its sockets and must be woken for a submission. */
  workerWaits: 4,
  /** 1 from the worker's wake-up message until the main thread begins to take results. */
  mainIsAwake: 5,
  closing: 6,
} as const;
const CONTROL_WORDS = 16;

/** Views of the shared memory; each thread makes its own. Moments are milliseconds of `processTime`. */
export class SocketMemory {
  readonly buffer: SharedArrayBuffer;
  readonly control: Int32Array;
  /** Places to begin, and, as their complement (`~place`), places to cancel. */
  readonly submissions: PlaceQueue;
  /** Places whose exchange has ended. */
  readonly results: PlaceQueue;
  readonly startedAt: Float64Array;
  readonly connectedAt: Float64Array;
  readonly headAt: Float64Array;
  readonly endedAt: Float64Array;
  /** The kernel's measurement of the handshake in microseconds, 0 where it says none. */
  readonly rttUs: Int32Array;
  /** Open socket, -1 without one: should the worker die, the main thread closes it. */
  readonly fd: Int32Array;
  readonly maxBodyBytes: Int32Array;
  readonly status: Int32Array;
  readonly errno: Int32Array;
  readonly stage: Int32Array;
  readonly ending: Int32Array;
  readonly wishes: Int32Array;
  /** Statuses after whose head nothing is read, as bits by their place in REDIRECT_STATUSES, if it has a Location. */
  readonly stopsAt: Int32Array;
  /** Bytes of the request, or of the headers that lie where it lay. */
  readonly headBytes: Int32Array;
  /** Bytes of the body that follow the headers. */
  readonly bodyBytes: Int32Array;
  readonly addresses: DataView;
  readonly addressesAt: number;
  readonly payload: Buffer;
  readonly payloadAt: number;

  /** Without a buffer it is new. */
  constructor(buffer = new SharedArrayBuffer(TOTAL_BYTES)) {
    this.buffer = buffer;
    let at = 0;
    const take = (bytes: number): number => (at += bytes) - bytes;
    const moments = () => new Float64Array(buffer, take(MAX_EXCHANGES * 8), MAX_EXCHANGES);
    const words = (count = MAX_EXCHANGES) => new Int32Array(buffer, take(count * 4), count);
    this.startedAt = moments();
    this.connectedAt = moments();
    this.headAt = moments();
    this.endedAt = moments();
    this.rttUs = words();
    this.fd = words();
    this.maxBodyBytes = words();
    this.status = words();
    this.errno = words();
    this.stage = words();
    this.ending = words();
    this.wishes = words();
    this.stopsAt = words();
    this.headBytes = words();
    this.bodyBytes = words();
    this.control = words(CONTROL_WORDS);
    const { submissionHead, submissionTail, resultHead, resultTail } = Control;
    this.submissions = new PlaceQueue(this.control, submissionHead, submissionTail, words(QUEUE_PLACES));
    this.results = new PlaceQueue(this.control, resultHead, resultTail, words(QUEUE_PLACES));
    this.addressesAt = take(MAX_EXCHANGES * ADDRESS_BYTES);
    this.addresses = new DataView(buffer, this.addressesAt, MAX_EXCHANGES * ADDRESS_BYTES);
    this.payloadAt = take(MAX_EXCHANGES * PAYLOAD_BYTES);
    this.payload = Buffer.from(buffer, this.payloadAt, MAX_EXCHANGES * PAYLOAD_BYTES);
  }
}

/** Each place is begun and cancelled once at most, and ends once, before the main thread can use it again. */
const QUEUE_PLACES = 2 * MAX_EXCHANGES;
const MOMENTS = 4;
const WORDS = 11;
const TOTAL_BYTES =
  MAX_EXCHANGES * (MOMENTS * 8 + WORDS * 4 + ADDRESS_BYTES + PAYLOAD_BYTES) +
  (CONTROL_WORDS + 2 * QUEUE_PLACES) * 4;

/** A ring with one writer and one reader. What was written to memory before `push` is seen after `shift`. */
export class PlaceQueue {
  readonly #control: Int32Array;
  readonly #head: number;
  readonly #tail: number;
  readonly #places: Int32Array;
  readonly #mask: number;

  /** `head` and `tail` are words of `control`; `places` has a power of two of them. */
  constructor(control: Int32Array, head: number, tail: number, places: Int32Array) {
    this.#control = control;
    this.#head = head;
    this.#tail = tail;
    this.#places = places;
    this.#mask = places.length - 1;
  }

  get isEmpty(): boolean {
    return Atomics.load(this.#control, this.#head) === Atomics.load(this.#control, this.#tail);
  }

  push(place: number): void {
    const tail = Atomics.load(this.#control, this.#tail);
    this.#places[tail & this.#mask] = place;
    Atomics.store(this.#control, this.#tail, (tail + 1) | 0);
  }

  /** Undefined when nothing is there. */
  shift(): number | undefined {
    const head = Atomics.load(this.#control, this.#head);
    if (head === Atomics.load(this.#control, this.#tail)) return undefined;
    const place = this.#places[head & this.#mask];
    Atomics.store(this.#control, this.#head, (head + 1) | 0);
    return place;
  }
}
