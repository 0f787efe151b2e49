// Where a writer's batches end up: the database, or a server that has one.
import type { DatabaseHandle } from "../../platform/db.js";
import type { Logger } from "../../platform/log.js";
import { SampleNotifier } from "./notifier.js";
import { ensurePartitions } from "./partitions.js";
import type { Batch, SampleRecord, StrayCount } from "./sample.js";
import { storeBatch } from "./store.js";

export interface StoreOutcome {
  /** Samples that are stored now and were not before. */
  readonly storedCount: number;
  /** Samples that nobody waits for any more: their job was paused, changed or deleted before. Not among the rejected. */
  readonly obsoleteCount: number;
  /** Samples whose slots hold another outcome, which another poller measured meanwhile. */
  readonly contradicted: readonly SampleRecord[];
  /** What was refused for what it contains, with the reason; sent again it would be refused again. */
  readonly rejected: readonly { readonly value: SampleRecord | StrayCount[]; readonly reason: string }[];
}

export interface SampleStore {
  /** What log lines call it. */
  readonly name: string;
  /** Called before the first batch. Never throws. */
  prepare(now: number): Promise<void>;
  /** Resolves when the batch is committed. Throws when any part of it may not be; repeating it changes nothing. */
  store(batch: Batch, now: number): Promise<StoreOutcome>;
  /** Those who watch have been told of everything that is stored. Never throws. */
  settle(): Promise<void>;
  close(): void;
}

export class PostgresStore implements SampleStore {
  readonly name = "the database";
  readonly #database: DatabaseHandle;
  readonly #log: Logger;
  readonly #notifier: SampleNotifier;

  constructor(database: DatabaseHandle, log: Logger) {
    this.#database = database;
    this.#log = log;
    this.#notifier = new SampleNotifier(database, log);
  }

  async prepare(now: number): Promise<void> {
    await ensurePartitions(this.#database.db, now).catch((error: unknown) => {
      // Not needed to start: a write creates the partition it misses.
      this.#log.warn({ err: error }, "partitions for samples could not be created ahead");
    });
  }

  async store(batch: Batch, now: number): Promise<StoreOutcome> {
    const { stored, contradicted, rejected } = await storeBatch(this.#database, batch, now);
    const outcome = { storedCount: stored, obsoleteCount: 0, contradicted, rejected };
    const confirmed = confirmedOf(batch, outcome);
    if (confirmed.length > 0) this.#notifier.samplesStored(confirmed);
    return outcome;
  }

  settle(): Promise<void> {
    return this.#notifier.flush();
  }

  close(): void {
    this.#notifier.cancel();
  }
}

/** Those that the store holds by now as they are, whoever stored them. */
export function confirmedOf(
  { samples }: Batch,
  { contradicted, rejected }: Pick<StoreOutcome, "contradicted" | "rejected">,
): readonly SampleRecord[] {
  if (contradicted.length + rejected.length === 0) return samples;
  const others = new Set<unknown>([...contradicted, ...rejected.map(({ value }) => value)]);
  return samples.filter((sample) => !others.has(sample));
}
