// Samples of one job at one location as the columns of a chunk, and back (M12).
//
// Kept exactly: slot, sequence number, status, RTT and jitter in microseconds, error code and text, phases. Lateness is
// rounded to milliseconds, and `recordedAt` down to the millisecond, which is as far as the API shows it.
import type { ErrorCode } from "@nightbell/contract";
import { z } from "zod";
import { type SampleRecord, statusCodes, type StatusCode } from "../sample.js";
import { ChunkReader, ChunkWriter, DamagedChunkError } from "./bytes.js";
import { decodePhases, encodePhases } from "./phases-codec.js";

/** Beyond these a chunk would be too much to unpack for a single sample of it. */
export const MAX_CHUNK_SAMPLES = 3_600;

/** The i-th slot of a chunk's grid is `firstSlot + i · stepMs` and has the sequence number `firstSequence + i`. */
export interface ChunkGrid {
  firstSlot: number;
  stepMs: number;
  firstSequence: number;
}

export interface Chunk extends ChunkGrid {
  jobNo: number;
  locationNo: number;
  lastSlot: number;
  sampleCount: number;
  missedCount: number;
  systemErrorCount: number;
  /** Of successes, in microseconds. */
  rttMinUs: number | null;
  rttMaxUs: number | null;
  rttSumUs: number;
  /** Which slots, status, RTT and jitter. */
  measures: Uint8Array;
  /** Lateness, time of recording, errors. Apart, because statistics do without them. */
  details: Uint8Array;
  phases: Uint8Array | null;
}

/** What it takes to read the samples of a chunk. */
export type EncodedSamples = Pick<
  Chunk,
  | "jobNo"
  | "locationNo"
  | "firstSlot"
  | "stepMs"
  | "firstSequence"
  | "sampleCount"
  | "measures"
  | "details"
  | "phases"
>;

/** What it takes to read the columns that statistics need. */
export type EncodedMeasures = Omit<EncodedSamples, "details" | "phases">;

/** The columns that statistics need; NaN where a sample has no value. */
export interface Measures {
  slots: Float64Array;
  statuses: Uint8Array;
  rttUs: Float64Array;
  jitterUs: Float64Array;
}

/** Code and text of each error that a chunk speaks of. */
const Errors = z.array(
  z.tuple([z.string().nullable() as z.ZodType<ErrorCode | null>, z.string().nullable()]),
);

/** A success with an RTT, which most samples are, has the kind 0 in a chunk. */
const HAS_RTT = 4;
const USUAL_KIND = HAS_RTT;

/**
 * Encodes samples that lie on one grid, oldest first, at least one and at most `MAX_CHUNK_SAMPLES` (`cutIntoChunks`
 * makes them so).
 */
export function encodeChunk(samples: readonly SampleRecord[], { stepMs }: { stepMs: number }): Chunk {
  const [first] = samples;
  const last = samples.at(-1);
  if (first === undefined || last === undefined) throw new Error("a chunk holds at least one sample");
  return {
    jobNo: first.jobNo,
    locationNo: first.locationNo,
    firstSlot: first.slot,
    lastSlot: last.slot,
    stepMs,
    firstSequence: first.sequenceNumber,
    sampleCount: samples.length,
    ...totals(samples),
    measures: encodeMeasures(samples),
    details: encodeDetails(samples),
    phases: encodePhases(samples.map(({ phases }) => phases)),
  };
}

function encodeMeasures(samples: readonly SampleRecord[]): Buffer {
  const writer = new ChunkWriter();
  writer.sparse(gapsBefore(samples));
  writer.sparse(samples.map(({ status, rttUs }) => (status | (rttUs === null ? 0 : HAS_RTT)) ^ USUAL_KIND));
  writer.planes(samples.flatMap(({ rttUs }) => rttUs ?? []));
  writer.sparse(jitterExceptions(samples));
  return writer.finish();
}

function encodeDetails(samples: readonly SampleRecord[]): Buffer {
  const writer = new ChunkWriter();
  writer.planes(samples.map(latenessMs));
  // Those without an answer waited for one: their delays are of another kind.
  const delays = (hasRtt: boolean) =>
    samples
      .filter(({ rttUs }) => (rttUs !== null) === hasRtt)
      .map((sample) => Math.floor(sample.recordedAtMs) - expectedAtMs(sample));
  writer.planes(delays(true));
  writer.planes(delays(false));
  const errors = new Map<string, number>();
  const errorNos = samples.map(({ errorCode, error }) => {
    if (errorCode === null && error === null) return 0;
    const key = JSON.stringify([errorCode, error]);
    const no = errors.get(key) ?? errors.size + 1;
    errors.set(key, no);
    return no;
  });
  writer.json([...errors.keys()].map((key): unknown => JSON.parse(key)));
  writer.sparse(errorNos);
  return writer.finish();
}

/** All samples of a chunk, oldest first. Throws DamagedChunkError. */
export function decodeSamples(chunk: EncodedSamples): SampleRecord[] {
  const { slots, statuses, rttUs, jitterUs } = decodeMeasures(chunk);
  const count = slots.length;
  const reader = new ChunkReader(chunk.details);
  const latenessMs = reader.planes(count);
  const withRtt = rttUs.reduce((sum, rtt) => (Number.isNaN(rtt) ? sum : sum + 1), 0);
  const delaysMs = {
    withRtt: reader.planes(withRtt).values(),
    withoutRtt: reader.planes(count - withRtt).values(),
  };
  const errors = reader.json(Errors);
  const errorNos = new Map<number, number>();
  reader.sparse(count, (position, no) => {
    if (no > errors.length) throw new DamagedChunkError("it speaks of an error that it does not hold");
    errorNos.set(position, no);
  });
  const phases = decodePhases(chunk.phases, count);
  return Array.from(slots, (slot, index) => {
    const [errorCode, error] = errors[(errorNos.get(index) ?? 0) - 1] ?? [null, null];
    const sample: SampleRecord = {
      slot,
      jobNo: chunk.jobNo,
      locationNo: chunk.locationNo,
      status: statuses[index] as StatusCode,
      rttUs: orNull(rttUs[index]),
      jitterUs: orNull(jitterUs[index]),
      latenessUs: (latenessMs[index] ?? 0) * 1_000,
      sequenceNumber: chunk.firstSequence + (slot - chunk.firstSlot) / chunk.stepMs,
      recordedAtMs: 0,
      errorCode,
      error,
      phases: phases[index] ?? null,
    };
    const delays = sample.rttUs === null ? delaysMs.withoutRtt : delaysMs.withRtt;
    sample.recordedAtMs = expectedAtMs(sample) + (delays.next().value ?? 0);
    assertTime(sample.recordedAtMs);
    return sample;
  });
}

/** The columns of a chunk that statistics need. Throws DamagedChunkError. */
export function decodeMeasures({ firstSlot, stepMs, sampleCount, measures }: EncodedMeasures): Measures {
  if (!(sampleCount >= 1 && sampleCount <= MAX_CHUNK_SAMPLES)) {
    throw new DamagedChunkError(`it says that it holds ${sampleCount} samples`);
  }
  const reader = new ChunkReader(measures);
  const slots = new Float64Array(sampleCount);
  let [next, slot] = [0, firstSlot];
  const fill = (to: number) => {
    for (; next < to; next += 1, slot += stepMs) slots[next] = slot;
  };
  reader.sparse(sampleCount, (position, gap) => {
    fill(position);
    slot += gap * stepMs;
  });
  fill(sampleCount);
  assertTime(slots[sampleCount - 1]);

  const statuses = new Uint8Array(sampleCount);
  const isWithoutRtt = new Uint8Array(sampleCount);
  let withoutRtt = 0;
  reader.sparse(sampleCount, (position, difference) => {
    const kind = difference ^ USUAL_KIND;
    const status = kind & ~HAS_RTT;
    if (status > statusCodes.system_error)
      throw new DamagedChunkError("it holds a status that does not exist");
    statuses[position] = status;
    if ((kind & HAS_RTT) === 0) {
      isWithoutRtt[position] = 1;
      withoutRtt += 1;
    }
  });

  const present = reader.planes(sampleCount - withoutRtt);
  const rttUs = new Float64Array(sampleCount);
  const jitterUs = new Float64Array(sampleCount);
  let previous = Number.NaN;
  for (let index = 0, at = 0; index < sampleCount; index += 1) {
    const rtt = isWithoutRtt[index] === 1 ? Number.NaN : (present[at++] as number);
    rttUs[index] = rtt;
    if (statuses[index] === statusCodes.success && rtt === rtt) {
      jitterUs[index] = Math.abs(rtt - previous);
      previous = rtt;
    } else {
      jitterUs[index] = Number.NaN;
    }
  }
  reader.sparse(sampleCount, (position, exception) => {
    jitterUs[position] = exception === 1 ? Number.NaN : exception - 2;
  });
  return { slots, statuses, rttUs, jitterUs };
}

/** How many slots of the grid lie between each sample and the one before it. */
function gapsBefore(samples: readonly SampleRecord[]): number[] {
  return samples.map(({ sequenceNumber }, index) => {
    const previous = samples[index - 1];
    return previous === undefined ? 0 : sequenceNumber - previous.sequenceNumber - 1;
  });
}

/** 0 where the jitter is the difference to the success before in this chunk; 1 where there is none; otherwise 2 more than it. */
function jitterExceptions(samples: readonly SampleRecord[]): number[] {
  let previous: number | null = null;
  return samples.map(({ status, rttUs, jitterUs }) => {
    let derived: number | null = null;
    if (status === statusCodes.success && rttUs !== null) {
      derived = previous === null ? null : Math.abs(rttUs - previous);
      previous = rttUs;
    }
    if (jitterUs === derived) return 0;
    return jitterUs === null ? 1 : jitterUs + 2;
  });
}

function latenessMs({ latenessUs }: Pick<SampleRecord, "latenessUs">): number {
  return Math.round(latenessUs / 1_000);
}

/** When the result would have been known if there were no delay but lateness and RTT. */
function expectedAtMs(sample: Pick<SampleRecord, "slot" | "latenessUs" | "rttUs">): number {
  return sample.slot + latenessMs(sample) + Math.round((sample.rttUs ?? 0) / 1_000);
}

/** As far as a Date reaches, in milliseconds to either side of the epoch. */
const LAST_TIME = 8.64e15;

/** A crafted chunk can say more than a Date. */
function assertTime(time: number | undefined): void {
  if (time === undefined || !(Math.abs(time) <= LAST_TIME)) {
    throw new DamagedChunkError("it holds a time that does not exist");
  }
}

function totals(samples: readonly SampleRecord[]) {
  const counts = { missedCount: 0, systemErrorCount: 0 };
  let [min, max, sum] = [Infinity, -Infinity, 0];
  for (const { status, rttUs } of samples) {
    if (status === statusCodes.missed) counts.missedCount += 1;
    else if (status === statusCodes.system_error) counts.systemErrorCount += 1;
    else if (rttUs !== null) {
      if (rttUs < min) min = rttUs;
      if (rttUs > max) max = rttUs;
      sum += rttUs;
    }
  }
  const hasRtt = min <= max;
  return { ...counts, rttMinUs: hasRtt ? min : null, rttMaxUs: hasRtt ? max : null, rttSumUs: sum };
}

function orNull(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}
