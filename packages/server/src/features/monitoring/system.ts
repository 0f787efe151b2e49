// What this process and its machine use, sampled by one timer, so that asking costs nothing.
import { availableParallelism, cpus, totalmem } from "node:os";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";

export interface SystemSample {
  /** Of the machine, since the previous sample: the database and the poller run beside this process. */
  readonly cpuPercent: number;
  /** Of the machine, or of the container where one sets a limit. */
  readonly memoryPercent: number;
  /** Of the most that V8 lets the heap of this process grow to. */
  readonly heapPercent: number;
  readonly rssBytes: number;
  /** The 99th percentile of the time by which timers were late, since the previous sample. */
  readonly eventLoopLagMs: number;
}

const SAMPLE_INTERVAL_MS = 5_000;
const LAG_RESOLUTION_MS = 10;
/** Half a minute: a start, a checkpoint or a backup is over by then. */
const SUSTAINED_SAMPLES = 6;

export class SystemSampler {
  readonly #delays = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  readonly #timer: NodeJS.Timeout;
  #cpu = cpuTimes();
  #sample: SystemSample;
  readonly #cpuPercents: number[] = [];

  constructor() {
    this.#delays.enable();
    this.#sample = this.#take();
    this.#timer = setInterval(() => {
      this.#sample = this.#take();
      this.#cpuPercents.push(this.#sample.cpuPercent);
      if (this.#cpuPercents.length > SUSTAINED_SAMPLES) this.#cpuPercents.shift();
    }, SAMPLE_INTERVAL_MS);
    this.#timer.unref();
  }

  get latest(): SystemSample {
    return this.#sample;
  }

  /** What the machine used at least during the last half minute; undefined in the first. */
  get sustained(): { cpuPercent: number | undefined } {
    const isLong = this.#cpuPercents.length === SUSTAINED_SAMPLES;
    return { cpuPercent: isLong ? Math.min(...this.#cpuPercents) : undefined };
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#delays.disable();
  }

  #take(): SystemSample {
    const before = this.#cpu;
    this.#cpu = cpuTimes();
    const totalMs = this.#cpu.total - before.total;
    const busyMs = totalMs - (this.#cpu.idle - before.idle);
    const lateNs = Math.max(0, this.#delays.percentile(99) - LAG_RESOLUTION_MS * 1e6);
    this.#delays.reset();
    const heap = getHeapStatistics();
    const limit = memoryLimit();
    return {
      cpuPercent: percent(busyMs, totalMs),
      memoryPercent: percent(limit - Math.min(process.availableMemory(), limit), limit),
      heapPercent: percent(heap.used_heap_size, heap.heap_size_limit),
      rssBytes: process.memoryUsage.rss(),
      eventLoopLagMs: Number.isFinite(lateNs) ? round(lateNs / 1e6) : 0,
    };
  }
}

/** Zero of nothing is nothing, not a number that is none. */
export function percent(part: number, whole: number): number {
  return whole > 0 ? round((100 * part) / whole) : 0;
}

function memoryLimit(): number {
  const constrained = process.constrainedMemory();
  // Without a limit the kernel reports none or one beyond any machine.
  return constrained > 0 && constrained < totalmem() ? constrained : totalmem();
}

function cpuTimes(): { total: number; idle: number } {
  const cores = cpus().slice(0, Math.max(1, availableParallelism()));
  const idle = cores.reduce((sum, core) => sum + core.times.idle, 0);
  const total = cores.reduce(
    (sum, { times }) => sum + times.user + times.nice + times.sys + times.irq + times.idle,
    0,
  );
  return { total, idle };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
