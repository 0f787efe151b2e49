import { crc32 as crc, deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sampleAt } from "../../../../test/samples.js";
import type { SampleRecord } from "../sample.js";
import { ChunkWriter, DamagedChunkError } from "./bytes.js";
import { type Chunk, decodeMeasures, decodeSamples, encodeChunk, MAX_CHUNK_SAMPLES } from "./codec.js";
import { cutIntoChunks } from "./cut.js";

const HOUR = Date.UTC(2026, 10, 22, 5);

const error = fc.option(fc.oneof(fc.constantFrom("no answer", 'ünïcode "quoted" \\ 🙂'), fc.string()), {
  nil: null,
});
const phases = fc.option(
  fc.oneof(
    fc
      .record({ dns: fc.integer({ min: 0, max: 5e6 }), connect: fc.integer({ min: 0, max: 5e6 }) })
      .map(({ dns, connect }) => ({ dns: dns / 1_000, connect: connect / 1_000 })),
    fc.dictionary(
      fc.string(),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
      { maxKeys: 4 },
    ),
  ),
  { nil: null },
);

/** Whatever a poller may have written, sensible or not. */
const sample = fc.record({
  gap: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 50 })),
  status: fc.constantFrom(0 as const, 1 as const, 2 as const),
  rttUs: fc.option(
    fc.oneof(fc.integer({ min: 18_000, max: 22_000 }), fc.integer({ min: -5, max: 2 ** 31 - 1 })),
    { nil: null },
  ),
  jitterUs: fc.option(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { nil: null }),
  latenessMs: fc.integer({ min: 0, max: 2_000_000 }),
  delayMs: fc.integer({ min: -10_000, max: 10_000 }),
  errorCode: fc.option(fc.constantFrom("timeout" as const, "http_status" as const), { nil: null }),
  error,
  phases,
});

const samples = fc
  .record({
    list: fc.array(sample, { minLength: 1, maxLength: 60 }),
    cadenceMs: fc.constantFrom(100, 7_000, 10_000, 86_400_000),
    firstSequence: fc.integer({ min: 0, max: 2 ** 40 }),
    hasDerivedJitter: fc.boolean(),
  })
  .map(({ list, cadenceMs, firstSequence, hasDerivedJitter }) => {
    let [index, previous]: [number, number | null] = [-1, null];
    return list.map(({ gap, latenessMs, delayMs, ...rest }): SampleRecord => {
      index += 1 + gap;
      const slot = HOUR + 137 + index * cadenceMs;
      const { status, rttUs } = rest;
      let { jitterUs } = rest;
      if (hasDerivedJitter) {
        jitterUs = null;
        if (status === 0 && rttUs !== null) {
          jitterUs = previous === null ? null : Math.abs(rttUs - previous);
          previous = rttUs;
        }
      }
      const sequenceNumber = firstSequence + index;
      return sampleAt(slot, 7, {
        ...rest,
        locationNo: 3,
        jitterUs,
        latenessUs: latenessMs * 1_000,
        sequenceNumber,
        recordedAtMs: slot + delayMs,
      });
    });
  });

function roundTrip(list: readonly SampleRecord[]): SampleRecord[] {
  return cutIntoChunks(list).flatMap((cut) => decodeSamples(encodeChunk(cut.samples, cut)));
}

describe("a chunk", () => {
  test("gives every sample back", () => {
    fc.assert(
      fc.property(samples, (list) => {
        expect(roundTrip(list)).toEqual(list);
      }),
    );
  });

  test("gives the columns of statistics back", () => {
    fc.assert(
      fc.property(samples, (list) => {
        const measures = cutIntoChunks(list).map((cut) => decodeMeasures(encodeChunk(cut.samples, cut)));
        const column = (name: "slots" | "statuses" | "rttUs" | "jitterUs") =>
          measures.flatMap((part) => Array.from(part[name], (value) => (Number.isNaN(value) ? null : value)));
        expect(column("slots")).toEqual(list.map(({ slot }) => slot));
        expect(column("statuses")).toEqual(list.map(({ status }) => status));
        expect(column("rttUs")).toEqual(list.map(({ rttUs }) => rttUs));
        expect(column("jitterUs")).toEqual(list.map(({ jitterUs }) => jitterUs));
      }),
    );
  });

  test("rounds lateness to milliseconds, and the time of recording down to the one the API shows", () => {
    const [read] = roundTrip([sampleAt(HOUR, 7, { latenessUs: 1_500, recordedAtMs: HOUR + 12.999 })]);
    expect(read).toMatchObject({ latenessUs: 2_000, recordedAtMs: HOUR + 12 });
  });

  test("says how many samples it holds, what became of them, and the span of their RTTs", () => {
    const list = [
      sampleAt(HOUR, 7, { rttUs: 5_000, sequenceNumber: 1 }),
      sampleAt(HOUR + 1_000, 7, { rttUs: 7_000, sequenceNumber: 2 }),
      sampleAt(HOUR + 2_000, 7, { rttUs: 90_000, status: 1, sequenceNumber: 3 }),
      sampleAt(HOUR + 4_000, 7, { rttUs: null, status: 2, sequenceNumber: 5 }),
    ];
    const [chunk] = cutIntoChunks(list).map((cut) => encodeChunk(cut.samples, cut));
    expect(chunk).toMatchObject({
      jobNo: 7,
      locationNo: 1,
      firstSlot: HOUR,
      lastSlot: HOUR + 4_000,
      stepMs: 1_000,
      firstSequence: 1,
      sampleCount: 4,
      missedCount: 1,
      systemErrorCount: 1,
      rttMinUs: 5_000,
      rttMaxUs: 7_000,
      rttSumUs: 12_000,
    });
  });
});

const run = (fromSlot: number, cadenceMs: number, count: number, firstSequence: number) =>
  Array.from({ length: count }, (_, index) =>
    sampleAt(fromSlot + index * cadenceMs, 7, { sequenceNumber: firstSequence + index }),
  );

describe("samples are cut", () => {
  test("where the cadence changes", () => {
    const list = [...run(HOUR, 1_000, 5, 10), ...run(HOUR + 10_300, 7_000, 5, 15)];
    expect(cutIntoChunks(list).map(({ stepMs, samples }) => [stepMs, samples.length])).toEqual([
      [1_000, 5],
      [7_000, 5],
    ]);
    expect(roundTrip(list).map(({ slot, sequenceNumber }) => [slot, sequenceNumber])).toEqual(
      list.map(({ slot, sequenceNumber }) => [slot, sequenceNumber]),
    );
  });

  test("when they are many, or their errors long", () => {
    const many = cutIntoChunks(run(HOUR, 100, MAX_CHUNK_SAMPLES + 1, 0));
    expect(many.map((cut) => cut.samples.length)).toEqual([MAX_CHUNK_SAMPLES, 1]);
    const long = run(HOUR, 100, 5, 0).map((sample) => ({ ...sample, error: "x".repeat(400_000) }));
    expect(cutIntoChunks(long).map((cut) => cut.samples.length)).toEqual([2, 2, 1]);
  });
});

describe("damage is told", () => {
  const list = Array.from({ length: 100 }, (_, index) =>
    sampleAt(HOUR + index * 1_000, 7, {
      sequenceNumber: index,
      rttUs: 20_000 + ((index * 7_919) % 4_000),
      phases: { dns: index },
      ...(index % 7 === 0 && { status: 1 as const, rttUs: null, errorCode: "timeout" as const }),
    }),
  );
  const [cut] = cutIntoChunks(list);
  const chunk = encodeChunk(list, { stepMs: cut?.stepMs ?? 1 });
  const read = (change: Partial<Chunk>) => decodeSamples({ ...chunk, ...change });

  test("wherever a byte changes or the end is missing", () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        fc.constantFrom("measures", "details", "phases"),
        (at, change, column) => {
          const bytes = Buffer.from(chunk[column] ?? []);
          const position = at % bytes.length;
          const cutOff = bytes.subarray(0, position);
          bytes[position] = (bytes[position] ?? 0) ^ change;
          expect(() => read({ [column]: bytes })).toThrow(DamagedChunkError);
          expect(() => read({ [column]: Buffer.from(cutOff) })).toThrow(DamagedChunkError);
        },
      ),
    );
  });

  test("when the bytes are anything else under a right checksum", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.integer({ min: -1, max: 10_000 }),
        (bytes, sampleCount) => {
          const changes = [
            { measures: framed(bytes), sampleCount },
            { details: framed(bytes) },
            { phases: framed(bytes) },
          ];
          for (const change of changes) expect(outcomeOf(() => read(change))).toBe("read or told");
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test("before it is unpacked to more than there may be", () => {
    expect(() => read({ measures: framed(Buffer.alloc(100 * 1024 * 1024)) })).toThrow(DamagedChunkError);
    expect(() => read({ sampleCount: 2 ** 31 - 1 })).toThrow(DamagedChunkError);
  });
});

function outcomeOf(read: () => unknown): unknown {
  try {
    read();
    return "read or told";
  } catch (error) {
    return error instanceof DamagedChunkError ? "read or told" : error;
  }
}

/** A valid frame around bytes that are none of ours. */
function framed(bytes: Uint8Array): Buffer {
  const empty = new ChunkWriter().finish();
  const packed = deflateRawSync(bytes);
  const all = Buffer.concat([empty.subarray(0, 9), packed]);
  all.writeUInt32LE(crc(all.subarray(5)), 1);
  return all;
}
