// The smallest PNG encoder that draws a chart: 8-bit RGBA, no filters (PNG specification, third edition).
import { crc32, deflateSync } from "node:zlib";

/** Red, green, blue and opacity, each 0 to 255. */
export type Colour = readonly [number, number, number, number];

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const BYTES_PER_PIXEL = 4;
const BIT_DEPTH = 8;
const COLOUR_TYPE_RGBA = 6;

/** A picture, transparent at first. */
export class Canvas {
  readonly #width: number;
  readonly #height: number;
  readonly #pixels: Buffer;

  constructor(width: number, height: number) {
    this.#width = width;
    this.#height = height;
    this.#pixels = Buffer.alloc(width * height * BYTES_PER_PIXEL);
  }

  /** Paints over what was there; from the top left corner, in whole pixels, cut off at the edges. */
  fill(left: number, top: number, width: number, height: number, colour: Colour): void {
    const [x1, x2] = [Math.max(0, left), Math.min(this.#width, left + width)];
    const [y1, y2] = [Math.max(0, top), Math.min(this.#height, top + height)];
    for (let y = y1; y < y2; y += 1) {
      for (let x = x1; x < x2; x += 1) this.#pixels.set(colour, (y * this.#width + x) * BYTES_PER_PIXEL);
    }
  }

  toPng(): Buffer {
    const header = Buffer.alloc(13);
    header.writeUInt32BE(this.#width, 0);
    header.writeUInt32BE(this.#height, 4);
    header.set([BIT_DEPTH, COLOUR_TYPE_RGBA], 8); // Then: deflate, filter method 0, not interlaced.
    const rowBytes = this.#width * BYTES_PER_PIXEL;
    const rows = Buffer.alloc(this.#height * (1 + rowBytes)); // Each begins with its filter, 0.
    for (let y = 0; y < this.#height; y += 1) {
      this.#pixels.copy(rows, y * (1 + rowBytes) + 1, y * rowBytes, (y + 1) * rowBytes);
    }
    return Buffer.concat([
      SIGNATURE,
      chunk("IHDR", header),
      chunk("IDAT", deflateSync(rows, { level: 9 })),
      chunk("IEND", Buffer.alloc(0)),
    ]);
  }
}

function chunk(type: string, data: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, checksum]);
}
