// Wakes whoever pushes samples to live streams; they look by themselves too, so a lost notification costs a second.
import { sql } from "kysely";
import type { DatabaseHandle } from "../../platform/db.js";
import type { Logger } from "../../platform/log.js";

export const SAMPLES_CHANNEL = "nightbell_samples";

/** Live streams are written at most four times a second, so waking them more often is of no use. */
const NOTIFY_INTERVAL_MS = 250;

/** Both ends included. */
export interface SlotRange {
  from: number;
  to: number;
}

function formatRange({ from, to }: SlotRange): string {
  return `${from} ${to}`;
}

/** The slots that a notification says were stored; null when it says nothing. */
export function parseRange(payload: string): SlotRange | null {
  const [, from, to] = /^(\d+) (\d+)$/.exec(payload) ?? [];
  return from === undefined || to === undefined ? null : { from: Number(from), to: Number(to) };
}

/** NOTIFY at most four times a second; the last change is always followed by one. */
export class SampleNotifier {
  readonly #database: DatabaseHandle;
  readonly #log: Logger;
  #range: SlotRange = { from: Infinity, to: -Infinity };
  #sentAt = -Infinity;
  #timer: NodeJS.Timeout | undefined;

  constructor(database: DatabaseHandle, log: Logger) {
    this.#database = database;
    this.#log = log;
  }

  /** To be called after the commit, with the slots that were stored. */
  samplesStored(samples: readonly { slot: number }[]): void {
    for (const { slot } of samples) {
      if (slot < this.#range.from) this.#range.from = slot;
      if (slot > this.#range.to) this.#range.to = slot;
    }
    if (this.#timer !== undefined) return;
    const waitMs = Math.max(this.#sentAt + NOTIFY_INTERVAL_MS - performance.now(), 0);
    this.#timer = setTimeout(() => void this.flush(), waitMs);
  }

  /** Sends what is still waiting to be sent; never throws. */
  async flush(): Promise<void> {
    if (this.#timer === undefined) return;
    this.cancel();
    this.#sentAt = performance.now();
    const payload = formatRange(this.#range);
    this.#range = { from: Infinity, to: -Infinity };
    await sql`select pg_notify(${SAMPLES_CHANNEL}, ${payload})`
      .execute(this.#database.db)
      .catch((error: unknown) => {
        this.#log.debug({ err: error }, "live streams could not be woken");
      });
  }

  cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
