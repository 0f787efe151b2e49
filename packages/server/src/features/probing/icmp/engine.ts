// The ICMP engine as the main thread sees it: targets and probes go in, results come out, through memory shared with
// the worker thread that owns the sockets (M5). Nothing is allocated and no message is sent per probe.
import { Worker } from "node:worker_threads";
import { compiledFile } from "../../../platform/paths.js";
import { writeSocketAddress } from "../socket-address.js";
import { MAX_PAYLOAD_BYTES, MIN_PAYLOAD_BYTES } from "./packet.js";
import { ResultReader, type IcmpResult } from "./result.js";
import {
  Control,
  counterNames,
  defaultLimits,
  ResultKind,
  SharedMemory,
  SubmissionKind,
  SubmissionRing,
  TARGET_BYTES,
  TARGET_FAMILY_AT,
  TARGET_PAYLOAD_AT,
  TARGET_TTL_AT,
  wakeWorker,
  type Counter,
  type EngineLimits,
} from "./rings.js";
import type { SocketMode } from "./echo-socket.js";
import type { WorkerGreeting, WorkerInput } from "./worker.js";

export interface IcmpEngineOptions {
  /** Called once for each probe accepted by `submit`; the object is reused for the next. */
  onResult: (result: IcmpResult) => void;
  /** A reply to a probe that had ended already; `atMs` is the wall clock of the kernel's receive stamp. */
  onStray?: (tag: number, kind: "duplicate" | "late", atMs: number) => void;
  /** The worker died. What was outstanding has no results, and nothing can be submitted any more. */
  onFailure?: (error: Error) => void;
  /** Kinds of sockets, in the order they are tried. */
  modes?: readonly SocketMode[];
  limits?: Partial<EngineLimits>;
}

export interface IcmpStats extends Record<Counter, number> {
  /** Refused submissions: the ring was full because the worker has as many probes as it can hold. */
  refused: number;
  targets: number;
}

/** Why there is no engine: a sentence that names the fix, and the code that samples carry. */
export class IcmpUnavailableError extends Error {
  readonly code: "permission" | "socket";
  constructor(code: "permission" | "socket", message: string) {
    super(message);
    this.name = "IcmpUnavailableError";
    this.code = code;
  }
}

/** Platforms whose system call interface ../libc.ts describes. */
const SUPPORTED_ARCHITECTURES: readonly string[] = ["x64", "arm64", "riscv64"];
/** Opening sockets takes milliseconds; a machine that needs longer than this to start a thread is stuck. */
const START_TIMEOUT_MS = 10_000;
/** A removed target's place is not used again while probes to it may be on their way to the worker. */
const TARGET_REUSE_MS = 5_000;
/** The worker runs a few small loops over preallocated memory. */
const WORKER_HEAP_MB = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2 };

export class IcmpEngine {
  /** How each family's socket was opened; null where there is none. */
  readonly ipv4: SocketMode | null;
  readonly ipv6: SocketMode | null;
  readonly #memory: SharedMemory;
  readonly #submissions: SubmissionRing;
  readonly #results: ResultReader;
  readonly #worker: Worker;
  readonly #options: IcmpEngineOptions;
  readonly #exited: Promise<void>;
  /** When targets were removed, the longest removed first. */
  readonly #removed = new Map<number, number>();
  #usedTargets = 0;
  #refused = 0;
  #outstanding = 0;
  #state: "running" | "closing" | "closed" | "failed" = "running";

  /** Resolves when the worker is ready; rejects with an IcmpUnavailableError. */
  static async start(options: IcmpEngineOptions): Promise<IcmpEngine> {
    if (process.platform !== "linux" || !SUPPORTED_ARCHITECTURES.includes(process.arch)) {
      const system = `${process.platform} on ${process.arch}`;
      throw new IcmpUnavailableError("socket", `ICMP probes need 64-bit Linux; this is ${system}.`);
    }
    const limits = { ...defaultLimits, ...options.limits };
    const memory = new SharedMemory(limits);
    const input: WorkerInput = {
      buffer: memory.buffer,
      limits,
      modes: options.modes ?? ["ping", "raw"],
    };
    const worker = new Worker(compiledFile("features/probing/icmp/worker.js"), {
      workerData: input,
      name: "icmp",
      execArgv: [], // those of the main program are not meant for it
      resourceLimits: WORKER_HEAP_MB,
    });
    const greeting = await greetingOf(worker);
    if (!greeting.ok) throw new IcmpUnavailableError(greeting.code, greeting.message);
    return new IcmpEngine(options, memory, worker, greeting);
  }

  private constructor(
    options: IcmpEngineOptions,
    memory: SharedMemory,
    worker: Worker,
    greeting: WorkerGreeting & { ok: true },
  ) {
    this.#options = options;
    this.#memory = memory;
    this.#worker = worker;
    this.ipv4 = greeting.ipv4;
    this.ipv6 = greeting.ipv6;
    this.#submissions = new SubmissionRing(memory);
    this.#results = new ResultReader(memory);
    worker.on("message", () => this.#takeResults());
    worker.on("error", (error) => this.#fail(error));
    this.#exited = new Promise((resolve) => worker.once("exit", () => resolve()));
    worker.once("exit", (code) => this.#fail(new Error(`the ICMP worker ended with exit code ${code}`)));
    // An engine without work does not keep the program alive.
    worker.unref();
  }

  /** Handle of a target for `submit`. `address` is numeric, IPv4 or IPv6; throws a sentence when it is not or the table is full. */
  addTarget(address: string, { payloadBytes, ttl }: { payloadBytes: number; ttl: number }): number {
    if (payloadBytes < MIN_PAYLOAD_BYTES || payloadBytes > MAX_PAYLOAD_BYTES)
      throw new RangeError(`the payload must have ${MIN_PAYLOAD_BYTES} to ${MAX_PAYLOAD_BYTES} bytes`);
    const target = this.#freeTarget();
    const at = target * TARGET_BYTES;
    const { targets } = this.#memory;
    try {
      targets.setUint8(at + TARGET_FAMILY_AT, writeSocketAddress(targets, at, address));
    } catch (error) {
      this.removeTarget(target);
      throw error;
    }
    targets.setUint16(at + TARGET_PAYLOAD_AT, payloadBytes, true);
    targets.setUint8(at + TARGET_TTL_AT, ttl);
    return target;
  }

  /** Probes already submitted are still sent and answered. */
  removeTarget(target: number): void {
    this.#removed.set(target, performance.now());
  }

  /**
   * Sends an echo request at `dueAtMs` (wall clock; at most about a second ahead, at once when past) and waits
   * `timeoutMs` (at most 60,000) for the answer. False, and counted, when the engine has no room or is not running;
   * there will be no result then.
   */
  submit(target: number, tag: number, dueAtMs: number, timeoutMs: number): boolean {
    const accepted =
      this.#state === "running" &&
      this.#submissions.push(SubmissionKind.probe, target, tag, dueAtMs, timeoutMs);
    if (!accepted) {
      this.#refused += 1;
      return false;
    }
    if (this.#outstanding === 0) this.#worker.ref();
    this.#outstanding += 1;
    return true;
  }

  /** Ends every probe under way that has this tag; each reports `cancelled`, unless its answer was faster. */
  cancel(tag: number): boolean {
    return this.#state === "running" && this.#submissions.push(SubmissionKind.cancel, 0, tag, 0, 0);
  }

  stats(): IcmpStats {
    const counts = Object.fromEntries(
      counterNames.map((name, index) => [name, this.#memory.counters[index] ?? 0]),
    ) as Record<Counter, number>;
    return { ...counts, refused: this.#refused, targets: this.#usedTargets - this.#removed.size };
  }

  /** Ends every probe under way as `cancelled`, then the worker. All results have been shown when it resolves. */
  async close(): Promise<void> {
    if (this.#state === "running") {
      this.#state = "closing";
      this.#worker.ref();
      Atomics.store(this.#memory.control, Control.closing, 1);
      wakeWorker(this.#memory.control);
    }
    await this.#exited;
    this.#takeResults();
    this.#state = "closed";
  }

  #freeTarget(): number {
    const [oldest] = this.#removed;
    if (oldest !== undefined && performance.now() - oldest[1] >= TARGET_REUSE_MS) {
      this.#removed.delete(oldest[0]);
      return oldest[0];
    }
    const { maxTargets } = this.#memory.limits;
    if (this.#usedTargets === maxTargets)
      throw new Error(`the ICMP engine holds at most ${maxTargets} targets`);
    this.#usedTargets += 1;
    return this.#usedTargets - 1;
  }

  #takeResults(): void {
    Atomics.store(this.#memory.control, Control.mainIsAwake, 0);
    this.#results.drain(this.#show);
  }

  readonly #show = (result: IcmpResult): void => {
    const { kind } = result;
    if (kind === ResultKind.duplicate || kind === ResultKind.late) {
      const name = kind === ResultKind.duplicate ? "duplicate" : "late";
      this.#options.onStray?.(result.tag, name, result.receivedAtMs);
      return;
    }
    this.#outstanding -= 1;
    if (this.#outstanding === 0 && this.#state === "running") this.#worker.unref();
    this.#options.onResult(result);
  };

  #fail(error: Error): void {
    if (this.#state !== "running") return;
    this.#state = "failed";
    this.#takeResults();
    this.#options.onFailure?.(error);
  }
}

async function greetingOf(worker: Worker): Promise<WorkerGreeting> {
  try {
    return await new Promise<WorkerGreeting>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("it does not start")), START_TIMEOUT_MS);
      const settle = (): void => clearTimeout(timer);
      worker.once("message", (message: WorkerGreeting) => (settle(), resolve(message)));
      worker.once("error", (error) => (settle(), reject(error)));
      worker.once("exit", (code) => (settle(), reject(new Error(`it ended with exit code ${code}`))));
    });
  } catch (error) {
    await worker.terminate();
    const reason = error instanceof Error ? error.message : String(error);
    throw new IcmpUnavailableError("socket", `The ICMP worker cannot start: ${reason}`);
  } finally {
    // Not those of all events: Node keeps listeners of its own on a worker, and messages end without them.
    worker.removeAllListeners("error");
    worker.removeAllListeners("exit");
  }
}
