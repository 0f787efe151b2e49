// One history of what is raw, late, and in chunks: each sample once, wherever it is. All reads of samples go through here.
import type { DatabaseHandle } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import { DamagedChunkError } from "./chunks/bytes.js";
import { decodeMeasures, decodeSamples } from "./chunks/codec.js";
import { hoursAmong, type Hours, type HourState } from "./chunks/hours.js";
import { chunksOf, type ChunkRange, type StoredChunk } from "./chunks/queries.js";
import { hourOf } from "./partitions.js";
import {
  type Aggregate,
  aggregateAll,
  aggregateByLabel,
  aggregateBySlot,
  bulksOf,
  type EvaluatedRow,
  evaluatedSamples,
  type LabelledSpan,
  type OutlineRow,
  type Position,
  sampleOutlines,
  samplesAfter,
  samplesOf,
  type SampleRow,
  type SummaryRow,
} from "./queries.js";
import { Rollup } from "./rollups/rollup.js";
import type { SampleRecord } from "./sample.js";
import { Tally } from "./statistics.js";

/** The samples of the spans by label, oldest first. */
export async function readSamples(
  { pool }: DatabaseHandle,
  spans: readonly LabelledSpan[],
): Promise<SampleRow[]> {
  const parts = divide(spans, await hoursAmong(pool, hoursOf(spans)));
  const raw = await samplesOf(pool, parts.raw);
  if (parts.late.length === 0) return raw;
  const late = await samplesOf(pool, parts.late, "late_samples");
  const chunked = await chunkedSamples(pool, parts.chunked, late);
  return [...raw, ...late, ...chunked.map(toRow)].sort(
    (a, b) => a.label - b.label || a.slot - b.slot || a.location_no - b.location_no,
  );
}

/** The first samples of the spans that come after a position: newest slot first, then by location. */
export async function readSamplesAfter(
  { pool }: DatabaseHandle,
  spans: readonly LabelledSpan[],
  after: Position,
  limit: number,
): Promise<SampleRow[]> {
  const parts = divide(spans, await hoursAmong(pool, hoursOf(spans)));
  const raw = await samplesAfter(pool, parts.raw, after, limit);
  if (parts.late.length === 0) return raw;
  const late = await samplesAfter(pool, parts.late, after, limit, "late_samples");
  const chunked = await chunkedSamples(pool, parts.chunked, late);
  const isAfter = ({ sample: { slot, locationNo } }: ChunkedSample) =>
    slot < after.slot || (slot === after.slot && locationNo > after.locationNo);
  return [...raw, ...late, ...chunked.filter(isAfter).map(toRow)]
    .sort((a, b) => b.slot - a.slot || a.location_no - b.location_no)
    .slice(0, limit);
}

/** What there is of each sample but errors and phases, by label, oldest first. */
export async function readOutlines(
  { pool }: DatabaseHandle,
  spans: readonly LabelledSpan[],
): Promise<OutlineRow[]> {
  const parts = divide(spans, await hoursAmong(pool, hoursOf(spans)));
  const raw = await sampleOutlines(pool, parts.raw);
  if (parts.late.length === 0) return raw;
  const late = await sampleOutlines(pool, parts.late, "late_samples");
  const chunked = await chunkedSamples(pool, parts.chunked, late);
  return [...raw, ...late, ...chunked.map(toOutline)].sort(
    (a, b) => a.label - b.label || a.slot - b.slot || a.location_no - b.location_no,
  );
}

/** What alert rules look at of each sample, by label, oldest first. */
export async function readEvaluated(
  { pool }: DatabaseHandle,
  spans: readonly LabelledSpan[],
): Promise<EvaluatedRow[]> {
  const parts = divide(spans, await hoursAmong(pool, hoursOf(spans)));
  const raw = await evaluatedSamples(pool, parts.raw);
  if (parts.late.length === 0) return raw;
  const late = await evaluatedSamples(pool, parts.late, "late_samples");
  const chunked = await chunkedSamples(pool, parts.chunked, late);
  return [...raw, ...late, ...chunked.map(toEvaluated)].sort(
    (a, b) => a.label - b.label || a.slot - b.slot || a.location_no - b.location_no,
  );
}

/** Counts and RTT statistics of the samples of each label; labels without samples are left out. */
export async function readAggregatesByLabel(
  { pool }: DatabaseHandle,
  spans: readonly LabelledSpan[],
  hours: Hours,
): Promise<Map<number, Aggregate>> {
  const isMixed = new Set(spans.filter((span) => stateOf(span, hours) !== "raw").map(({ label }) => label));
  const raw = await aggregateByLabel(
    pool,
    spans.filter(({ label }) => !isMixed.has(label)),
  );
  const tallies = await tally(
    pool,
    spans.filter(({ label }) => isMixed.has(label)),
    hours,
    ({ label }) => label,
  );
  for (const [label, tally] of tallies) raw.set(label, tally.summary());
  return raw;
}

/** Counts and RTT statistics of the samples of each slot, of which there is one per location. */
export async function readAggregatesBySlot(
  { pool }: DatabaseHandle,
  spans: readonly LabelledSpan[],
  hours: Hours,
): Promise<Map<number, Aggregate>> {
  const isRaw = (span: LabelledSpan) => stateOf(span, hours) === "raw";
  const raw = await aggregateBySlot(pool, spans.filter(isRaw));
  const tallies = await tally(
    pool,
    spans.filter((span) => !isRaw(span)),
    hours,
    (_, slot) => slot,
  );
  for (const [slot, tally] of tallies) raw.set(slot, tally.summary());
  return raw;
}

/** Everything that two stretches need to become one, of the samples of each label; labels without samples are left out. */
export async function rollUpByLabel(
  { pool }: DatabaseHandle,
  spans: readonly LabelledSpan[],
  hours: Hours,
): Promise<Map<number, Rollup>> {
  const isRaw = (span: LabelledSpan) => stateOf(span, hours) === "raw";
  const [rollups, bulks] = await Promise.all([
    collect(
      pool,
      spans.filter((span) => !isRaw(span)),
      hours,
      ({ label }) => label,
      () => new Rollup(),
    ),
    bulksOf(pool, spans.filter(isRaw)),
  ]);
  for (const { label, ...bulk } of bulks) {
    const rollup = rollups.get(label) ?? new Rollup();
    rollups.set(label, rollup);
    rollup.addBulk(bulk);
  }
  return rollups;
}

/** Statistics of all samples of the spans; null without spans. */
export async function readStatistics(
  { pool }: DatabaseHandle,
  spans: readonly LabelledSpan[],
  hours: Hours,
): Promise<SummaryRow | null> {
  if (spans.every((span) => stateOf(span, hours) === "raw")) {
    return aggregateAll(pool, spans);
  }
  const tallies = await tally(pool, spans, hours, () => 0);
  return (tallies.get(0) ?? new Tally()).summary();
}

type Pool = DatabaseHandle["pool"];

/** Spans by where their samples are; those of hours that have none are left out. */
interface Parts {
  raw: LabelledSpan[];
  late: LabelledSpan[];
  chunked: LabelledSpan[];
}

/**
 * Read in this order: what moves, moves from left to right. What is met twice on its way is left out the second time;
 * from `samples` it moves so slowly that nobody meets it twice (see `HourState`).
 */
function divide(spans: readonly LabelledSpan[], hours: Hours): Parts {
  const parts: Parts = { raw: [], late: [], chunked: [] };
  for (const span of spans) {
    const state = stateOf(span, hours);
    if (state === "raw" || state === "chunking") parts.raw.push(span);
    if (state === "chunking" || state === "chunked") parts.late.push(span);
    if (state === "chunked") parts.chunked.push(span);
  }
  return parts;
}

function stateOf(span: LabelledSpan, hours: Hours): HourState | undefined {
  return hours.get(hourOf(span.first));
}

function hoursOf(spans: readonly LabelledSpan[]): number[] {
  return [...new Set(spans.map(({ first }) => hourOf(first)))];
}

function tally(
  pool: Pool,
  spans: readonly LabelledSpan[],
  hours: Hours,
  keyOf: (span: LabelledSpan, slot: number) => number,
): Promise<Map<number, Tally>> {
  return collect(pool, spans, hours, keyOf, () => new Tally());
}

/** Something that samples are added to one by one. */
interface Collection {
  add(status: number, rttUs: number, jitterUs: number): void;
}

/** Adds each sample of the spans to the collection of its key, wherever it is. */
async function collect<Kind extends Collection>(
  pool: Pool,
  spans: readonly LabelledSpan[],
  hours: Hours,
  keyOf: (span: LabelledSpan, slot: number) => number,
  create: () => Kind,
): Promise<Map<number, Kind>> {
  const collections = new Map<number, Kind>();
  const collectionOf = (key: number): Kind => {
    const collection = collections.get(key) ?? create();
    collections.set(key, collection);
    return collection;
  };
  if (spans.length === 0) return collections;
  const parts = divide(spans, hours);
  const late = await sampleOutlines(pool, parts.late, "late_samples");
  const index = new SpanIndex(spans);
  for (const row of [...(await sampleOutlines(pool, parts.raw)), ...late]) {
    const span = index.find(row.job_no, row.slot);
    if (span === null) continue;
    collectionOf(keyOf(span, row.slot)).add(
      row.status,
      row.rtt_us ?? Number.NaN,
      row.jitter_us ?? Number.NaN,
    );
  }
  const chunked = new SpanIndex(parts.chunked);
  const isLate = keysOf(late);
  for (const chunk of await chunksOf(pool, rangesOf(parts.chunked))) {
    const { slots, statuses, rttUs, jitterUs } = read(chunk, decodeMeasures);
    for (let at = 0; at < slots.length; at += 1) {
      const slot = slots[at] as number;
      const span = chunked.find(chunk.jobNo, slot);
      if (span === null || (isLate.size > 0 && isLate.has(key(chunk.jobNo, chunk.locationNo, slot))))
        continue;
      collectionOf(keyOf(span, slot)).add(
        statuses[at] as number,
        rttUs[at] as number,
        jitterUs[at] as number,
      );
    }
  }
  return collections;
}

/** Which sample a row is. */
type Place = Pick<SampleRow, "job_no" | "location_no" | "slot">;

interface ChunkedSample {
  label: number;
  location: string;
  sample: SampleRecord;
}

/** The samples that chunks have of the spans, without those that were met as late ones. */
async function chunkedSamples(
  pool: Pool,
  spans: readonly LabelledSpan[],
  late: readonly Place[],
): Promise<ChunkedSample[]> {
  const index = new SpanIndex(spans);
  const isLate = keysOf(late);
  return (await chunksOf(pool, rangesOf(spans))).flatMap((chunk) =>
    read(chunk, decodeSamples).flatMap((sample) => {
      const span = index.find(sample.jobNo, sample.slot);
      if (span === null || isLate.has(key(sample.jobNo, sample.locationNo, sample.slot))) return [];
      return [{ label: span.label, location: chunk.location, sample }];
    }),
  );
}

/** Finds the span that a slot belongs to; spans of one job do not overlap. */
class SpanIndex {
  readonly #ofJob = new Map<number, LabelledSpan[]>();

  constructor(spans: readonly LabelledSpan[]) {
    for (const span of spans) {
      const others = this.#ofJob.get(span.jobNo);
      if (others === undefined) this.#ofJob.set(span.jobNo, [span]);
      else others.push(span);
    }
    for (const spans of this.#ofJob.values()) spans.sort((a, b) => a.first - b.first);
  }

  find(jobNo: number, slot: number): LabelledSpan | null {
    const spans = this.#ofJob.get(jobNo) ?? [];
    let [low, high] = [0, spans.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((spans[middle]?.first ?? Infinity) <= slot) low = middle + 1;
      else high = middle;
    }
    const span = spans[low - 1];
    return span !== undefined && slot <= span.last && (slot - span.first) % span.step === 0 ? span : null;
  }
}

/** From the first to the last slot of each job. */
function rangesOf(spans: readonly LabelledSpan[]): ChunkRange[] {
  const ranges = new Map<number, ChunkRange>();
  for (const { jobNo, first, last } of spans) {
    const range = ranges.get(jobNo) ?? { jobNo, first, last };
    range.first = Math.min(range.first, first);
    range.last = Math.max(range.last, last);
    ranges.set(jobNo, range);
  }
  return [...ranges.values()];
}

function read<Result>(chunk: StoredChunk, decode: (chunk: StoredChunk) => Result): Result {
  try {
    return decode(chunk);
  } catch (error) {
    if (!(error instanceof DamagedChunkError)) throw error;
    const [from, to] = [chunk.firstSlot, chunk.lastSlot].map((slot) => new Date(slot).toISOString());
    throw new NightbellError(
      "history_damaged",
      `The samples from ${from} to ${to} at ${chunk.location} cannot be read: ${error.message}. ` +
        "Ask for a window without them, or restore them from a backup.",
      { cause: error },
    );
  }
}

function keysOf(rows: readonly Place[]): Set<string> {
  return new Set(rows.map((row) => key(row.job_no, row.location_no, row.slot)));
}

function key(jobNo: number, locationNo: number, slot: number): string {
  return `${jobNo} ${locationNo} ${slot}`;
}

function toRow({ label, location, sample }: ChunkedSample): SampleRow {
  return {
    ...toOutlineColumns(label, sample),
    location,
    lateness_us: sample.latenessUs,
    sequence_number: sample.sequenceNumber,
    recorded_at: new Date(sample.recordedAtMs),
    error_code: sample.errorCode,
    error: sample.error,
    phases: sample.phases,
  };
}

function toOutline({ label, sample }: ChunkedSample): OutlineRow {
  return { ...toOutlineColumns(label, sample), recorded_at_ms: sample.recordedAtMs };
}

function toEvaluated({ label, sample }: ChunkedSample): EvaluatedRow {
  return {
    ...toOutlineColumns(label, sample),
    sequence_number: sample.sequenceNumber,
    certificate_days_left: sample.phases?.["certificateDaysLeft"] ?? null,
  };
}

function toOutlineColumns(label: number, sample: SampleRecord) {
  return {
    label,
    job_no: sample.jobNo,
    slot: sample.slot,
    location_no: sample.locationNo,
    status: sample.status,
    rtt_us: sample.rttUs,
    jitter_us: sample.jitterUs,
  };
}
