// From the prober to the store: batches that grow with the load, and the spool while the store is away (M9).
import { setTimeout as delay } from "node:timers/promises";
import type { Registry } from "prom-client";
import { systemClock, type Clock } from "../../platform/clock.js";
import { failureLevel } from "../../platform/db.js";
import type { Logger } from "../../platform/log.js";
import { MAX_BATCH, SampleBuffer } from "./buffer.js";
import type { Batch, SampleRecord, StrayKind } from "./sample.js";
import { confirmedOf, type SampleStore, type StoreOutcome } from "./sample-store.js";
import { Spool } from "./spool.js";
import { writerMetrics, type DropReason } from "./writer-metrics.js";

/** From the start of a write to the next one: what a statement and its commit cost by themselves, many samples share. */
const WRITE_INTERVAL_MS = 50;
/** A write that takes longer may hang, for as long as its time limit: what is in memory then goes to disk. */
const HANGS_MS = 3_000;
/** Of small batches in the spool, written as one: some 3,000 samples. Each write costs something by itself. */
const REPLAYED_BYTES = 200_000;
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;

export interface SampleWriterOptions {
  store: SampleStore;
  /** Below it each writer of this machine has a folder of its own. */
  spoolFolder: string;
  /** BATCH_SIZE: samples that start a write. */
  batchSize: number;
  /** BATCH_FLUSH_INTERVAL_MS: longest time a sample waits for its write to start. */
  flushIntervalMs: number;
  log: Logger;
  registry: Registry;
  clock?: Clock;
  spoolMaxBytes: number;
  /**
   * Called with samples that the store holds by now, whether this try stored them, an earlier one whose answer was lost,
   * or another poller the same. So none is left out, and one may come again; but not one whose slot holds the outcome that
   * another poller measured, who may have been in touch when this one was not. Must not throw.
   */
  onConfirmed?: (samples: readonly SampleRecord[]) => void;
  /** Called when the store takes samples again, with the times of the first attempt that failed and of now. */
  onOutageOver?: (from: number, to: number) => void;
}

export interface SampleWriterStats {
  buffered: number;
  stored: number;
  conflicts: number;
  spooled: number;
  dropped: number;
  spoolBytes: number;
  /** False from the first failed write until one succeeds. */
  storeReachable: boolean;
}

/**
 * Stores samples in the order they were added, one statement at a time. A write starts when `batchSize` samples
 * wait or the oldest has waited `flushIntervalMs`; until the next may start the buffer grows, and that one takes
 * all of it, so throughput rises with the load.
 *
 * States, by what is true of the spool and the store:
 * - direct: the spool is empty; batches go straight to the store.
 * - away: a write failed; each batch that falls due goes to the spool, and writing is tried again after a back-off.
 *   A `kill -9` therefore never loses more than what was measured since the last flush, or the last three seconds of a
 *   write that hangs.
 * - replaying: the store is back and the spool holds older batches; they are written first, and batches that
 *   fall due meanwhile queue behind them.
 */
export class SampleWriter {
  readonly #options: SampleWriterOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #spool: Spool;
  readonly #store: SampleStore;
  readonly #metrics: ReturnType<typeof writerMetrics>;
  readonly #counts = { stored: 0, conflicts: 0, spooled: 0, dropped: 0 };
  readonly #buffer = new SampleBuffer();

  /** The batch that is on its way to the store and not in the spool. */
  #inFlight: Batch | null = null;
  /** Callers of `flush`, and how much of what they wait for is still in memory only. */
  #flushers: { remaining: number; resolve: () => void }[] = [];
  #running = false;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  /** Before then only a full batch starts a write, or one that somebody waits for. */
  #nextWriteAt = -Infinity;
  /** Failed attempts since the last successful one, and when the next may start. */
  #failures = 0;
  #retryAt = -Infinity;
  /** When the first of those attempts began, which the database may not have answered for a while. */
  #awaySince = 0;
  #diskRefuses = false;

  private constructor(options: SampleWriterOptions, spool: Spool) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#log = options.log;
    this.#spool = spool;
    this.#store = options.store;
    this.#metrics = writerMetrics(options.registry);
  }

  /** Opens the spool, prepares the store, and starts the replay of what an earlier run left. */
  static async open(options: SampleWriterOptions): Promise<SampleWriter> {
    const spool = await Spool.open(options.spoolFolder, {
      maxBytes: options.spoolMaxBytes,
      log: options.log,
    });
    const writer = new SampleWriter(options, spool);
    await options.store.prepare(writer.#clock.now());
    writer.#wake();
    return writer;
  }

  /** Its place among the writers of this machine, from 0. */
  get place(): number {
    return this.#spool.place;
  }

  /** Takes a sample; never waits, never throws. */
  add(sample: SampleRecord): void {
    if (this.#stopped) {
      this.#drop("stopped", 1);
      return;
    }
    const dropped = this.#buffer.add(sample, this.#clock.monotonic());
    if (dropped > 0) this.#drop("buffer_full", dropped);
    this.#afterAdd();
  }

  /** Counts a reply that came more than once, or after its timeout. */
  strayReply(jobNo: number, locationNo: number, kind: StrayKind, atMs: number): void {
    if (this.#stopped) return;
    this.#buffer.countStray(jobNo, locationNo, kind, atMs, this.#clock.monotonic());
    this.#afterAdd();
  }

  /** Resolves when what was added before is stored or, while the store is away, on disk. */
  async flush(): Promise<void> {
    if (this.#buffer.isEmpty && this.#inFlight === null) return;
    await new Promise<void>((resolve) => {
      this.#flushers.push({ remaining: this.#buffer.size + sizeOf(this.#inFlight), resolve });
      this.#wake();
    });
  }

  /**
   * Stores what is buffered, within the deadline; what has not been confirmed by then goes to the spool,
   * for the next start. Afterwards nothing is accepted any more.
   */
  async stop(deadlineMs: number): Promise<void> {
    if (this.#stopped) return;
    const deadline = new AbortController();
    await Promise.race([
      this.flush().then(() => this.#store.settle()),
      delay(deadlineMs, undefined, { signal: deadline.signal }).catch(() => undefined),
    ]);
    deadline.abort();
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#store.close();
    if (this.#inFlight !== null) this.#buffer.putBack(this.#inFlight);
    while (!this.#buffer.isEmpty && (await this.#spoolBuffer()));
    if (this.#buffer.sampleCount > 0) this.#drop("spool_failed", this.#buffer.sampleCount);
    await this.#spool.close();
  }

  get stats(): SampleWriterStats {
    return {
      ...this.#counts,
      buffered: this.#buffer.sampleCount,
      spoolBytes: this.#spool.bytes,
      storeReachable: this.#failures === 0,
    };
  }

  get #isDue(): boolean {
    if (this.#buffer.isEmpty) return false;
    const { sampleCount, since } = this.#buffer;
    const now = this.#clock.monotonic();
    return (
      sampleCount >= MAX_BATCH ||
      this.#flushers.length > 0 ||
      now >= since + this.#options.flushIntervalMs ||
      (sampleCount >= this.#options.batchSize && now >= this.#nextWriteAt)
    );
  }

  /** True while a failed write is not to be tried again yet. */
  get #isBackingOff(): boolean {
    return this.#clock.monotonic() < this.#retryAt;
  }

  #afterAdd(): void {
    if (this.#running) return;
    if (this.#buffer.sampleCount >= this.#options.batchSize && this.#isDue && !this.#diskRefuses)
      this.#wake();
    else this.#timer ??= this.#wakeAfter(this.#options.flushIntervalMs);
  }

  /** Starts the loop unless it runs. */
  #wake(): void {
    if (this.#running || this.#stopped) return;
    clearTimeout(this.#timer);
    this.#running = true;
    this.#run()
      .catch((error: unknown) => {
        // The loop handles what it expects; anything else is a bug that must not end storing for good.
        this.#log.error({ err: error }, "the sample writer failed unexpectedly; it goes on after a pause");
        this.#backOff(this.#clock.now());
      })
      .finally(() => {
        this.#running = false;
        this.#metrics.buffered.set(this.#buffer.sampleCount);
        this.#metrics.spoolBytes.set(this.#spool.bytes);
        this.#timer = this.#wakeWhenDue();
      });
  }

  /** Does everything that can be done now. */
  async #run(): Promise<void> {
    while (!this.#stopped) {
      const mustQueue = this.#isBackingOff || !this.#spool.isEmpty;
      if (this.#isDue && mustQueue && (await this.#spoolBuffer())) continue;
      if (this.#isBackingOff) return;
      if (!this.#spool.isEmpty) {
        const batch = await this.#spool.peek(REPLAYED_BYTES);
        if (batch !== null && (await this.#patiently(this.#write(batch)))) await this.#spool.shift();
      } else if (this.#isDue) {
        await this.#storeBuffer();
      } else {
        return;
      }
    }
  }

  async #storeBuffer(): Promise<void> {
    const now = this.#clock.monotonic();
    const batch = this.#buffer.take(now);
    this.#nextWriteAt = now + WRITE_INTERVAL_MS;
    this.#inFlight = batch;
    const isStored = await this.#patiently(this.#write(batch));
    // `stop` could not wait and has taken the batch over, or it hung and is in the spool, to be stored once more.
    if (this.#inFlight !== batch || this.#stopped) return;
    this.#inFlight = null;
    if (isStored) this.#settle(batch);
    else this.#buffer.putBack(batch);
  }

  /** Waits for a write. While it hangs it goes to the spool with what falls due behind it, in order. */
  async #patiently(write: Promise<boolean>): Promise<boolean> {
    for (;;) {
      const waiting = new AbortController();
      const hangs = delay(HANGS_MS, "hangs" as const, { signal: waiting.signal }).catch(
        () => "over" as const,
      );
      const outcome = await Promise.race([write, hangs]);
      waiting.abort();
      if (typeof outcome === "boolean") return outcome;
      if (this.#stopped || this.#diskRefuses) return write;
      const inFlight = this.#inFlight;
      if (inFlight !== null) {
        this.#inFlight = null;
        this.#buffer.putBack(inFlight);
      }
      while (!this.#buffer.isEmpty && (await this.#spoolBuffer()));
    }
  }

  /** Commit boundary: killed before it, the batch is a gap or still spooled; after it, a repetition changes nothing. */
  async #write(batch: Batch): Promise<boolean> {
    const [startedAt, startedAtMs] = [this.#clock.monotonic(), this.#clock.now()];
    try {
      const outcome = await this.#store.store(batch, this.#clock.now());
      this.#metrics.flushSeconds.observe((this.#clock.monotonic() - startedAt) / 1000);
      if (this.#failures > 0) {
        this.#log.debug(`${this.#store.name} takes samples again`);
        this.#options.onOutageOver?.(this.#awaySince, this.#clock.now());
      }
      this.#failures = 0;
      this.#diskRefuses = false;
      this.#report(batch, outcome);
      return true;
    } catch (error) {
      if (this.#failures === 0) {
        this.#log[failureLevel(error)](
          { err: error },
          `samples cannot be written; they are kept on disk until ${this.#store.name} is back`,
        );
      }
      this.#backOff(startedAtMs);
      return false;
    }
  }

  #report(batch: Batch, outcome: StoreOutcome): void {
    const { storedCount, obsoleteCount, rejected } = outcome;
    const invalid = rejected.filter(({ value }) => !Array.isArray(value)).length;
    const conflicts = batch.samples.length - storedCount - obsoleteCount - invalid;
    this.#counts.stored += storedCount;
    this.#counts.conflicts += conflicts;
    this.#metrics.stored.inc(storedCount);
    this.#metrics.conflicts.inc(conflicts);
    if (obsoleteCount > 0) this.#drop("obsolete", obsoleteCount);
    if (invalid > 0) this.#drop("invalid", invalid);
    if (rejected.length > 0) {
      this.#log.error({ first: rejected[0], count: rejected.length }, `${this.#store.name} refuses samples`);
    }
    const confirmed = confirmedOf(batch, outcome);
    if (confirmed.length > 0) this.#options.onConfirmed?.(confirmed);
  }

  /** Moves a batch from memory to the spool. False when the disk refuses: then it stays in memory. */
  async #spoolBuffer(): Promise<boolean> {
    const batch = this.#buffer.take(this.#clock.monotonic());
    try {
      const droppedBytes = await this.#spool.append(batch);
      this.#diskRefuses = false;
      this.#counts.spooled += batch.samples.length;
      this.#metrics.spooled.inc(batch.samples.length);
      this.#metrics.spoolDroppedBytes.inc(droppedBytes);
      if (droppedBytes > 0)
        this.#log.error({ droppedBytes }, "the spool is full; its oldest samples were dropped");
      this.#settle(batch);
      return true;
    } catch (error) {
      if (!this.#diskRefuses)
        this.#log.error({ err: error }, "samples cannot be spooled; they stay in memory");
      this.#diskRefuses = true;
      this.#buffer.putBack(batch);
      return false;
    }
  }

  /** Exponential, between half and all of it, so that pollers do not come back in step. */
  #backOff(triedAtMs: number): void {
    if (this.#failures === 0) this.#awaySince = triedAtMs;
    const longestMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, LAST_RETRY_MS);
    this.#failures += 1;
    this.#retryAt = this.#clock.monotonic() + longestMs * (0.5 + Math.random() / 2);
  }

  #wakeWhenDue(): NodeJS.Timeout | undefined {
    if (this.#stopped) return undefined;
    const now = this.#clock.monotonic();
    const nextWriteAt = this.#nextWriteAt > now ? this.#nextWriteAt : Infinity;
    const dueAt = this.#buffer.isEmpty ? Infinity : this.#buffer.since + this.#options.flushIntervalMs;
    const retryAt =
      this.#failures > 0 && !(this.#buffer.isEmpty && this.#spool.isEmpty) ? this.#retryAt : Infinity;
    // A batch may fall due for the spool before the next try; when the disk refuses it can only wait.
    const wakeAt = this.#diskRefuses && this.#failures > 0 ? retryAt : Math.min(dueAt, retryAt, nextWriteAt);
    return wakeAt === Infinity ? undefined : this.#wakeAfter(Math.max(wakeAt - now, 0));
  }

  #wakeAfter(milliseconds: number): NodeJS.Timeout {
    return setTimeout(() => this.#wake(), Math.ceil(milliseconds));
  }

  /** The batch is no longer in memory only. */
  #settle(batch: Batch): void {
    const isAll = this.#buffer.isEmpty && this.#inFlight === null;
    this.#flushers = this.#flushers.filter((flusher) => {
      flusher.remaining -= sizeOf(batch);
      if (flusher.remaining > 0 && !isAll) return true;
      flusher.resolve();
      return false;
    });
  }

  #drop(reason: DropReason, count: number): void {
    this.#counts.dropped += count;
    this.#metrics.dropped.inc({ reason }, count);
    if (reason === "obsolete")
      this.#log.info({ count }, "samples came after their job was paused, changed or deleted");
    else if (reason !== "invalid") this.#log.error({ reason, count }, "samples were lost");
  }
}

function sizeOf(batch: Batch | null): number {
  return batch === null ? 0 : batch.samples.length + batch.strays.length;
}
