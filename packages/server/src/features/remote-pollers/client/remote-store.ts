// Samples through the server: what it acknowledges is committed there, so only that leaves the poller.
import { setTimeout as delay } from "node:timers/promises";
import {
  MAX_UPLOAD_SAMPLES,
  UploadReceipt,
  type UploadBody,
  type UploadedSample,
  type UploadRefusal,
} from "@nightbell/contract";
import type { Batch, SampleRecord, SampleStore, StoreOutcome, StrayCount } from "../../samples/index.js";
import { type Link, LinkError } from "./link.js";

/** The server takes some seconds at worst, and the line may be slow. */
const TIMEOUT_MS = 30_000;
/** Of JSON, in one upload: below what the server accepts even where packing gains nothing. */
const MAX_TEXT_LENGTH = 700_000;
const MAX_STRAYS = 2_500;
const MAX_CHANGED = 1_000;
/** What becomes of samples of the moment before the news that their job is paused, changed or gone. */
const OBSOLETE: ReadonlySet<UploadRefusal> = new Set(["off_grid", "not_yours"]);
/**
 * Between the starts of two uploads. The server takes ten a second of all pollers with a token; samples wait for the next
 * one meanwhile, so that there are fewer and larger ones. One that is large is worth its place.
 */
const UPLOAD_INTERVAL_MS = 250;
const LARGE_UPLOAD_INTERVAL_MS = 110;
const LARGE_SAMPLES = 2_000;
const LARGE_TEXT_LENGTH = MAX_TEXT_LENGTH / 2;
/** Longer sentences are cut. */
const MAX_ERROR_LENGTH = 2_000;

interface Part extends Batch {
  readonly rows: UploadedSample[];
  /** Of the rows, as JSON. */
  textLength: number;
}

export class RemoteStore implements SampleStore {
  readonly name = "the server";
  readonly #link: Link;
  readonly #pollerId: () => string;
  /** Of the next upload; see `UploadBody`. */
  #number = 0;
  /** Jobs that changed since the last acknowledged upload; null when there are too many to tell. */
  #changed: Set<number> | null = new Set();
  /** When the last upload started, and before when none may, as the server said; by the monotonic clock. */
  #lastAt = -Infinity;
  #notBefore = -Infinity;
  readonly #closed = new AbortController();

  constructor(link: Link, pollerId: () => string) {
    this.#link = link;
    this.#pollerId = pollerId;
  }

  /** The job is measured here from now on, or not any more, or in another way. */
  jobChanged(jobNo: number): void {
    this.#changed?.add(jobNo);
    if ((this.#changed?.size ?? 0) > MAX_CHANGED) this.#changed = null;
  }

  async prepare(): Promise<void> {}

  async store(batch: Batch): Promise<StoreOutcome> {
    let [storedCount, obsoleteCount] = [0, 0];
    const rejected: { value: SampleRecord | StrayCount[]; reason: string }[] = [];
    for (const part of partsOf(batch)) {
      const receipt = await this.#upload(part);
      if (typeof receipt === "string") {
        rejected.push(...part.samples.map((value) => ({ value, reason: receipt })));
        continue;
      }
      storedCount += receipt.storedCount;
      for (const { reason, indexes } of receipt.refused) {
        if (OBSOLETE.has(reason)) obsoleteCount += indexes.length;
        else rejected.push(...valuesAt(part.samples, indexes).map((value) => ({ value, reason })));
      }
    }
    return { storedCount, obsoleteCount, contradicted: [], rejected };
  }

  async settle(): Promise<void> {}

  /** An upload that waits for its turn is given up. */
  close(): void {
    this.#closed.abort();
  }

  async #turnOf({ rows, textLength }: Part): Promise<void> {
    const isLarge = rows.length >= LARGE_SAMPLES || textLength >= LARGE_TEXT_LENGTH;
    const nextAt = this.#lastAt + (isLarge ? LARGE_UPLOAD_INTERVAL_MS : UPLOAD_INTERVAL_MS);
    const waitMs = Math.max(nextAt, this.#notBefore) - performance.now();
    if (waitMs > 0) await delay(waitMs, undefined, { signal: this.#closed.signal });
    this.#lastAt = performance.now();
  }

  /** The receipt, or why the server takes nothing of it, now or later. */
  async #upload(part: Part): Promise<UploadReceipt | string> {
    await this.#turnOf(part);
    const { rows, strays } = part;
    const changed = this.#changed;
    this.#changed = new Set();
    const body: UploadBody = {
      id: this.#pollerId(),
      number: this.#number,
      changedJobs: changed === null ? null : [...changed],
      samples: rows,
      strays: strays.map(({ hourSlot, jobNo, duplicates, late }) => [hourSlot, jobNo, duplicates, late]),
    };
    try {
      const receipt = await this.#link.call("POST", "api/poller/samples", {
        body,
        isLarge: true,
        answer: UploadReceipt,
        timeoutMs: TIMEOUT_MS,
      });
      this.#number += 1;
      return receipt;
    } catch (error) {
      for (const jobNo of changed ?? []) this.jobChanged(jobNo);
      if (changed === null) this.#changed = null;
      // An instance that took it knows more than the next one will be told of: a number is left out.
      if (error instanceof LinkError && error.mayHaveArrived) this.#number += 1;
      if (error instanceof LinkError && error.isRefusal) return error.message;
      if (error instanceof LinkError && error.retryAfterMs !== null) {
        this.#notBefore = performance.now() + error.retryAfterMs * (1 + Math.random() / 2);
      }
      throw error;
    }
  }
}

function valuesAt(samples: readonly SampleRecord[], indexes: readonly number[]): SampleRecord[] {
  return indexes.flatMap((index) => samples[index] ?? []);
}

/** At least one, so that stray replies alone are sent too. */
function partsOf({ samples, strays }: Batch): Part[] {
  const parts: Part[] = [partWith(strays.slice(0, MAX_STRAYS))];
  for (let from = MAX_STRAYS; from < strays.length; from += MAX_STRAYS) {
    parts.push(partWith(strays.slice(from, from + MAX_STRAYS)));
  }
  let [part] = parts;
  for (const sample of samples) {
    const row = rowOf(sample);
    const rowLength = JSON.stringify(row).length;
    if (
      part === undefined ||
      part.rows.length >= MAX_UPLOAD_SAMPLES ||
      part.textLength + rowLength > MAX_TEXT_LENGTH
    ) {
      part = partWith([]);
      parts.push(part);
    }
    part.samples.push(sample);
    part.rows.push(row);
    part.textLength += rowLength;
  }
  return parts;
}

function partWith(strays: StrayCount[]): Part {
  return { samples: [], rows: [], strays, textLength: 0 };
}

function rowOf(sample: SampleRecord): UploadedSample {
  const { slot, jobNo, status, rttUs, jitterUs, latenessUs, recordedAtMs, errorCode, error, phases } = sample;
  return [
    slot,
    jobNo,
    status,
    rttUs,
    jitterUs,
    latenessUs,
    Math.round(recordedAtMs),
    errorCode,
    // Whatever a target sent, the sample counts more than characters that no database keeps.
    error?.replaceAll("\0", "").slice(0, MAX_ERROR_LENGTH).toWellFormed() ?? null,
    phases,
  ];
}
