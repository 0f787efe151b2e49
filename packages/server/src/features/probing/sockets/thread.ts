// One life of the socket worker, as the main thread sees it: exchanges go in, their ends come out (M5).
import { closeSync, writeSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { compiledFile } from "../../../platform/paths.js";
import { writeSocketAddress } from "../socket-address.js";
import type { LargeAnswer } from "./loop.js";
import {
  ADDRESS_BYTES,
  Control,
  Ending,
  MAX_EXCHANGES,
  PAYLOAD_BYTES,
  SocketMemory,
  Stage,
  Wish,
} from "./memory.js";
import { threadTime } from "./process-time.js";
import type { WorkerGreeting, WorkerInput } from "./worker.js";

/** A request over a connection made for it. */
export interface PlainRequest {
  /** Each character is one byte. */
  head: string;
  body: string;
  isHead: boolean;
  wantsHeaders: boolean;
  wantsBody: boolean;
  /** The end of a body that is larger. */
  maxBodyBytes: number;
  /** Statuses of REDIRECT_STATUSES, as bits, that end the exchange after the head when it has a Location. */
  stopsAt: number;
}

/** What is known of an exchange; moments by performance.now(), null until they have come. */
export interface Progress {
  stage: "connecting" | "waiting" | "inBody";
  startedAt: number | null;
  connectedAt: number | null;
  headAt: number | null;
}

export interface Ended extends Progress {
  ending: EndingName;
  endedAt: number;
  /** The kernel's measurement of the handshake; null where it says none, or there was a request. */
  rttUs: number | null;
  /** 0 until there is a head. */
  status: number;
  headers: ReadonlyMap<string, string>;
  body: Buffer;
  /** Number of the error of `failed` and `refusedHere`, else 0. */
  errno: number;
  /** Why the answer is malformed. */
  reason: string;
}

export interface Exchange {
  /** Null when the thread died. */
  readonly ended: Promise<Ended | null>;
  /** Takes what has come; null when the exchange has ended with it. */
  progress(): Progress | null;
  /** Ends it, unless it has ended. */
  cancel(): void;
}

type EndingName = keyof typeof Ending;

const endingNames = Object.keys(Ending) as EndingName[];
const stageNames = Object.keys(Stage) as Progress["stage"][];

/** A machine that needs longer than this to start a thread is stuck. */
const START_TIMEOUT_MS = 10_000;
/** The worker holds a reader for each exchange; bodies lie outside of its heap. */
const WORKER_HEAP_MB = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 2 };
const ONE = new Uint8Array(new BigUint64Array([1n]).buffer);
const NO_HEADERS: ReadonlyMap<string, string> = new Map();
const NOTHING = Buffer.alloc(0);

export class SocketThread {
  readonly #memory: SocketMemory;
  readonly #worker: Worker;
  readonly #files: { epoll: number; wakeUp: number };
  readonly #exited: Promise<void>;
  readonly #waiting: (((ended: Ended | null) => void) | undefined)[] = [];
  /** Places of the table, the one that became free last at the end: few are ever touched. */
  readonly #free: number[] = [];
  #isRunning = true;
  #isDead = false;
  #isWakeUpDue = false;
  #underWay = 0;

  /** Rejects with a sentence when there can be none. `onDeath`: it ended, and not because it was closed. */
  static async start(onDeath: (error: Error) => void): Promise<SocketThread> {
    const memory = new SocketMemory();
    memory.fd.fill(-1);
    const input: WorkerInput = { buffer: memory.buffer };
    const worker = new Worker(compiledFile("features/probing/sockets/worker.js"), {
      workerData: input,
      name: "sockets",
      execArgv: [], // those of the main program are not meant for it
      resourceLimits: WORKER_HEAP_MB,
    });
    const greeting = await greetingOf(worker);
    return new SocketThread(memory, worker, greeting, onDeath);
  }

  private constructor(
    memory: SocketMemory,
    worker: Worker,
    files: { epoll: number; wakeUp: number },
    onDeath: (error: Error) => void,
  ) {
    this.#memory = memory;
    this.#worker = worker;
    this.#files = files;
    for (let place = MAX_EXCHANGES - 1; place >= 0; place--) this.#free.push(place);
    let death: Error | null = null;
    worker.on("message", (answer: LargeAnswer | null) => this.#hear(answer));
    worker.on("error", (error) => (death = error));
    this.#exited = new Promise((resolve) => {
      worker.once("exit", (code) => {
        const wasRunning = this.#isRunning;
        this.#bury();
        if (wasRunning) onDeath(death ?? new Error(`it ended with exit code ${code}`));
        resolve();
      });
    });
    // Without work it does not keep the program alive.
    worker.unref();
  }

  /**
   * Connects, sends what there is to send, and reads the answer. Null when there is no room, for the request or for one
   * more exchange.
   */
  begin(address: string, port: number, request: PlainRequest | null): Exchange | null {
    if (!this.#isRunning || (request !== null && bytesOf(request) > PAYLOAD_BYTES)) return null;
    const place = this.#free.pop();
    if (place === undefined) return null;
    this.#write(place, address, port, request);
    let hasEnded = false;
    const ended = new Promise<Ended | null>((resolve) => {
      this.#waiting[place] = (result) => {
        hasEnded = true;
        resolve(result);
      };
    });
    if (this.#underWay === 0) this.#worker.ref();
    this.#underWay += 1;
    this.#submit(place);
    return {
      ended,
      progress: () => {
        if (!hasEnded) this.#takeResults();
        return hasEnded ? null : this.#progressOf(place);
      },
      cancel: () => {
        if (!hasEnded && this.#isRunning) this.#submit(~place);
      },
    };
  }

  /** Ends what is under way as cancelled, then the worker. */
  async close(): Promise<void> {
    this.#isRunning = false;
    this.#worker.ref();
    Atomics.store(this.#memory.control, Control.closing, 1);
    this.#wake();
    await this.#exited;
  }

  #write(place: number, address: string, port: number, request: PlainRequest | null): void {
    const memory = this.#memory;
    writeSocketAddress(memory.addresses, place * ADDRESS_BYTES, address);
    memory.addresses.setUint16(place * ADDRESS_BYTES + 2, port);
    memory.startedAt[place] = memory.connectedAt[place] = memory.headAt[place] = 0;
    memory.rttUs[place] = memory.status[place] = memory.headBytes[place] = memory.wishes[place] = 0;
    memory.stage[place] = Stage.connecting;
    if (request === null) return;
    memory.wishes[place] = wishesOf(request);
    memory.maxBodyBytes[place] = request.maxBodyBytes;
    memory.stopsAt[place] = request.stopsAt;
    const at = place * PAYLOAD_BYTES;
    const headBytes = memory.payload.write(request.head, at, "latin1");
    const bodyBytes = request.body === "" ? 0 : memory.payload.write(request.body, at + headBytes);
    memory.headBytes[place] = headBytes + bodyBytes;
  }

  #submit(entry: number): void {
    this.#memory.submissions.push(entry);
    if (this.#isWakeUpDue) return;
    this.#isWakeUpDue = true;
    // Once for everything that begins in this turn of the event loop.
    process.nextTick(() => {
      this.#isWakeUpDue = false;
      this.#wake();
    });
  }

  #wake(): void {
    const isAsleep = Atomics.exchange(this.#memory.control, Control.workerWaits, 0) === 1;
    if (isAsleep && !this.#isDead) writeSync(this.#files.wakeUp, ONE);
  }

  #hear(answer: LargeAnswer | null): void {
    if (answer === null) this.#takeResults();
    else this.#finish(answer.place, answer.headers, Buffer.from(answer.body.buffer));
  }

  #takeResults(): void {
    const { control, results, payload, headBytes, bodyBytes } = this.#memory;
    Atomics.store(control, Control.mainIsAwake, 0);
    for (let place = results.shift(); place !== undefined; place = results.shift()) {
      const at = place * PAYLOAD_BYTES;
      const bodyAt = at + (headBytes[place] ?? 0);
      const bodyEnd = bodyAt + (bodyBytes[place] ?? 0);
      const text = bodyAt === at ? "" : payload.toString("utf8", at, bodyAt);
      // A copy: the place is used again.
      this.#finish(
        place,
        text,
        bodyEnd === bodyAt ? NOTHING : Buffer.from(payload.subarray(bodyAt, bodyEnd)),
      );
    }
  }

  #finish(place: number, text: string, body: Buffer): void {
    const memory = this.#memory;
    const ending = endingNames[memory.ending[place] ?? 0] ?? "failed";
    const hasHeaders = text !== "" && ending !== "malformed";
    const onEnd = this.#waiting[place];
    const ended: Ended = {
      ...this.#progressOf(place),
      ending,
      endedAt: threadTime(memory.endedAt[place] ?? 0),
      rttUs: memory.rttUs[place] || null,
      status: memory.status[place] ?? 0,
      headers: hasHeaders ? new Map(JSON.parse(text) as [string, string][]) : NO_HEADERS,
      body,
      errno: memory.errno[place] ?? 0,
      reason: hasHeaders ? "" : text,
    };
    this.#waiting[place] = undefined;
    this.#free.push(place);
    this.#underWay -= 1;
    if (this.#underWay === 0 && this.#isRunning) this.#worker.unref();
    onEnd?.(ended);
  }

  #progressOf(place: number): Progress {
    const memory = this.#memory;
    return {
      stage: stageNames[memory.stage[place] ?? 0] ?? "connecting",
      startedAt: moment(memory.startedAt[place]),
      connectedAt: moment(memory.connectedAt[place]),
      headAt: moment(memory.headAt[place]),
    };
  }

  /** The thread has ended: what it found is taken, what it held open is closed, and whoever still waits is told. */
  #bury(): void {
    this.#isRunning = false;
    this.#isDead = true;
    this.#takeResults();
    const { fd } = this.#memory;
    const open = [...fd.filter((each) => each >= 0), this.#files.epoll, this.#files.wakeUp];
    for (const each of open) closeSync(each);
    for (const onEnd of this.#waiting.splice(0)) onEnd?.(null);
  }
}

function bytesOf({ head, body }: PlainRequest): number {
  return head.length + (body === "" ? 0 : Buffer.byteLength(body));
}

function wishesOf({ isHead, wantsHeaders, wantsBody }: PlainRequest): number {
  return (
    Wish.answer | (isHead ? Wish.head : 0) | (wantsHeaders ? Wish.headers : 0) | (wantsBody ? Wish.body : 0)
  );
}

function moment(processMs: number | undefined): number | null {
  return processMs ? threadTime(processMs) : null;
}

async function greetingOf(worker: Worker): Promise<WorkerGreeting & { ok: true }> {
  try {
    const greeting = await new Promise<WorkerGreeting>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("it does not start")), START_TIMEOUT_MS);
      const settle = (): void => clearTimeout(timer);
      worker.once("message", (message: WorkerGreeting) => (settle(), resolve(message)));
      worker.once("error", (error) => (settle(), reject(error)));
      worker.once("exit", (code) => (settle(), reject(new Error(`it ended with exit code ${code}`))));
    });
    if (!greeting.ok) throw new Error(greeting.message);
    return greeting;
  } catch (error) {
    await worker.terminate();
    throw error;
  } finally {
    // Not those of all events: Node keeps listeners of its own on a worker, and messages end without them.
    worker.removeAllListeners("error");
    worker.removeAllListeners("exit");
  }
}
