// The bytes a chunk is made of: numbers of variable length, planes of integers, and one frame around all of it that
// says when it is damaged.
import { constants, crc32, deflateRawSync, inflateRawSync } from "node:zlib";
import type { z } from "zod";

/** What was read is not what was written, or never was a chunk. */
export class DamagedChunkError extends Error {
  override readonly name = "DamagedChunkError";
}

const VERSION = 1;
/** Version, and CRC-32 (of what follows) in little endian. */
const FRAME_BYTES = 5;
/** Far above what an encoder writes (see `cutIntoChunks`); what claims to be larger is not unpacked. */
const MAX_UNPACKED_BYTES = 32 * 1024 * 1024;
/** Most chunks unpack to less; allocating more at once is what would take the time. */
const USUAL_UNPACKED_BYTES = 4_096;
/** A plane whose bytes carry at least so many bits each is kept as it is: packing it costs time and gains nothing. */
const INCOMPRESSIBLE_BITS = 6.8;
const MAX_PLANES = 7;

/** Collects bytes: those worth packing, and planes that are noise. */
export class ChunkWriter {
  #bytes = Buffer.allocUnsafe(4_096);
  #length = 0;
  readonly #noise: Uint8Array[] = [];

  /** A whole number from 0 to 2⁵³ − 1: seven bits a byte, the lowest first; the highest bit says that more follow. */
  number(value: number): void {
    this.#reserve(8);
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
    this.#bytes[this.#length++] = rest;
  }

  /** A whole number of either sign. */
  signed(value: number): void {
    this.number(value < 0 ? -2 * value - 1 : 2 * value);
  }

  /** Anything that JSON can say. */
  json(value: unknown): void {
    const text = Buffer.from(JSON.stringify(value));
    this.number(text.length);
    this.#append(text);
  }

  /** Values that are mostly 0: only the others, each with its distance from the one before. */
  sparse(values: readonly number[]): void {
    let count = 0;
    for (const value of values) if (value !== 0) count += 1;
    this.number(count);
    let next = 0;
    for (let position = 0; position < values.length; position += 1) {
      const value = values[position] ?? 0;
      if (value === 0) continue;
      this.number(position - next);
      this.number(value);
      next = position + 1;
    }
  }

  /** Whole numbers above their minimum, as planes: all their lowest bytes, then the next higher ones, and so on. */
  planes(values: readonly number[]): void {
    let [min, max] = [Infinity, -Infinity];
    for (const value of values) {
      if (value < min) min = value;
      if (value > max) max = value;
    }
    if (values.length === 0) [min, max] = [0, 0];
    this.signed(min);
    const planes: Uint8Array[] = [];
    for (let factor = 1; factor <= max - min; factor *= 0x100) {
      planes.push(planeOf(values, min, factor));
    }
    const [lowest] = planes;
    const isNoise = lowest !== undefined && planes.length > 1 && bitsPerByte(lowest) > INCOMPRESSIBLE_BITS;
    this.number(planes.length * 2 + Number(isNoise));
    for (const plane of planes) {
      if (isNoise && plane === lowest) this.#noise.push(plane);
      else this.#append(plane);
    }
  }

  /** Everything written, packed and framed. */
  finish(): Buffer {
    const noise = Buffer.concat(this.#noise);
    const packed = pack(this.#bytes.subarray(0, this.#length));
    const frame = Buffer.alloc(FRAME_BYTES + 4);
    frame.writeUInt8(VERSION);
    frame.writeUInt32LE(noise.length, FRAME_BYTES);
    const all = Buffer.concat([frame, noise, packed]);
    all.writeUInt32LE(crc32(all.subarray(FRAME_BYTES)), 1);
    return all;
  }

  #append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + count));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

/** Reads what `ChunkWriter` wrote, in the same order. Throws DamagedChunkError for anything else. */
export class ChunkReader {
  readonly #noise: Uint8Array;
  #noiseAt = 0;
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(all: Uint8Array) {
    const view = Buffer.from(all.buffer, all.byteOffset, all.length);
    if (view.length < FRAME_BYTES + 4) throw new DamagedChunkError("it ends too early");
    if (view[0] !== VERSION) throw new DamagedChunkError(`its format ${view[0]} is not known`);
    if (crc32(view.subarray(FRAME_BYTES)) !== view.readUInt32LE(1)) {
      throw new DamagedChunkError("its checksum is wrong");
    }
    const packedAt = FRAME_BYTES + 4 + view.readUInt32LE(FRAME_BYTES);
    if (packedAt > view.length) throw new DamagedChunkError("it ends too early");
    this.#noise = view.subarray(FRAME_BYTES + 4, packedAt);
    this.#bytes = unpack(view.subarray(packedAt));
  }

  number(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 49; factor *= 0x80) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new DamagedChunkError("it ends too early");
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    throw new DamagedChunkError("it holds a number that is too large");
  }

  signed(): number {
    const value = this.number();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  json<Value>(schema: z.ZodType<Value>): Value {
    const text = Buffer.from(this.#take(this.number())).toString();
    try {
      return schema.parse(JSON.parse(text));
    } catch (error) {
      throw new DamagedChunkError("a text in it cannot be read", { cause: error });
    }
  }

  /** Calls `each` for every value that is not 0, in order of position; positions are below `count`. */
  sparse(count: number, each: (position: number, value: number) => void): void {
    let next = 0;
    for (let left = this.number(); left > 0; left -= 1) {
      const position = next + this.number();
      if (position >= count) throw new DamagedChunkError("it speaks of more samples than it holds");
      each(position, this.number());
      next = position + 1;
    }
  }

  /** `count` whole numbers. */
  planes(count: number): Float64Array {
    const min = this.signed();
    const form = this.number();
    const planeCount = Math.floor(form / 2);
    if (planeCount > MAX_PLANES) throw new DamagedChunkError("it holds numbers that are too large");
    const values = new Float64Array(count).fill(min);
    for (let [index, factor] = [0, 1]; index < planeCount; index += 1, factor *= 0x100) {
      const plane = index === 0 && form % 2 === 1 ? this.#takeNoise(count) : this.#take(count);
      for (let at = 0; at < count; at += 1) {
        values[at] = (values[at] as number) + (plane[at] as number) * factor;
      }
    }
    return values;
  }

  #take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) throw new DamagedChunkError("it ends too early");
    return this.#bytes.subarray(this.#at, (this.#at += length));
  }

  #takeNoise(length: number): Uint8Array {
    if (length > this.#noise.length - this.#noiseAt) throw new DamagedChunkError("it ends too early");
    return this.#noise.subarray(this.#noiseAt, (this.#noiseAt += length));
  }
}

/** Noise of few values packs better when nobody looks for repetitions in it. */
function pack(bytes: Uint8Array): Buffer {
  const [usual, coded] = [constants.Z_DEFAULT_STRATEGY, constants.Z_HUFFMAN_ONLY].map((strategy) =>
    deflateRawSync(bytes, { strategy, chunkSize: USUAL_UNPACKED_BYTES }),
  ) as [Buffer, Buffer];
  return coded.length < usual.length ? coded : usual;
}

function unpack(packed: Uint8Array): Uint8Array {
  try {
    return inflateRawSync(packed, {
      maxOutputLength: MAX_UNPACKED_BYTES,
      chunkSize: USUAL_UNPACKED_BYTES,
      finishFlush: constants.Z_FINISH,
    });
  } catch (error) {
    throw new DamagedChunkError("it cannot be unpacked", { cause: error });
  }
}

function planeOf(values: readonly number[], min: number, factor: number): Uint8Array {
  const plane = new Uint8Array(values.length);
  for (let at = 0; at < values.length; at += 1)
    plane[at] = Math.floor(((values[at] ?? 0) - min) / factor) % 0x100;
  return plane;
}

/** Order-0 entropy. */
function bitsPerByte(bytes: Uint8Array): number {
  const counts = new Uint32Array(0x100);
  for (let at = 0; at < bytes.length; at += 1) counts[bytes[at] ?? 0] = (counts[bytes[at] ?? 0] ?? 0) + 1;
  let bits = 0;
  for (const count of counts) {
    if (count > 0) bits -= (count / bytes.length) * Math.log2(count / bytes.length);
  }
  return bits;
}
