// What one instance keeps of a job that somebody watches.
import type { Role } from "@nightbell/contract";
import { Topic } from "../../platform/stream/topic.js";
import type { SlotRange } from "./notifier.js";
import type { SampleRow } from "./queries.js";
import type { SampledJob } from "./sampled-job.js";
import { newestSpans, type Span } from "./slots.js";

/** Slots remembered as sent, and looked up at once. */
const MAX_SEEN_SLOTS = 2_000;
const MAX_SLOTS = 1_000;
/** How long after its timeout a sample may wait for its batch and the write. */
const STORE_DELAY_MS = 10_000;
/** Clocks of pollers may be ahead of ours by so much. */
const CLOCK_SKEW_MS = 1_000;

export interface TopicReader {
  readonly organisationId: string;
  readonly role: Role;
}

export class JobTopic extends Topic {
  readonly organisationId: string;
  /** Of those who watch. */
  readonly role: Role;
  /** Changes when the job's row does; empty once the job is gone. */
  revision: string;
  job: SampledJob;
  /** Locations whose sample was sent, by slot; the oldest entry first. */
  readonly #seen = new Map<number, Set<number>>();

  constructor(reader: TopicReader, job: SampledJob, revision: string, seq: number) {
    super(seq);
    this.organisationId = reader.organisationId;
    this.role = reader.role;
    this.job = job;
    this.revision = revision;
  }

  /** The slots whose samples may have been stored since a time; the newest of them when there are many. */
  spansSince(timeMs: number, now: number): Span[] {
    const from = timeMs - this.#storeDelayMs;
    return newestSpans(this.job.grids, from, now + CLOCK_SKEW_MS, MAX_SLOTS, null).spans;
  }

  /** Slots whose samples may have come: the last ones not sent yet, and older ones that a notification speaks of. */
  outstanding(now: number, noted: SlotRange | null): Span[] {
    const from = now - this.#storeDelayMs;
    const spans = this.spansSince(now, now);
    if (noted !== null && noted.from < from) {
      const to = Math.min(noted.to + 1, from);
      spans.push(...newestSpans(this.job.grids, noted.from, to, MAX_SLOTS, null).spans);
    }
    return spans.flatMap((span) => this.#trim(span));
  }

  /** Those of the samples that were not sent before; from now on they were. */
  takeUnseen(rows: readonly SampleRow[]): SampleRow[] {
    return rows.filter((row) => {
      const locations = this.#seen.get(row.slot) ?? new Set();
      if (locations.has(row.location_no)) return false;
      this.#seen.set(row.slot, locations.add(row.location_no));
      if (this.#seen.size > MAX_SEEN_SLOTS) this.#seen.delete(this.#seen.keys().next().value ?? 0);
      return true;
    });
  }

  /** How long after its slot a sample is stored, unless the database was away. */
  get #storeDelayMs(): number {
    return this.job.timeoutMs + STORE_DELAY_MS;
  }

  /** The span without its oldest slots that are complete. */
  #trim({ first, last, step }: Span): Span[] {
    let start = first;
    while (start <= last && (this.#seen.get(start)?.size ?? 0) >= this.job.locationCount) start += step;
    return start <= last ? [{ first: start, last, step }] : [];
  }
}
