// Reads numbers, names and strings of a DNS message, never beyond the part it was given.

/** Why bytes are not a DNS message. */
export class DnsFormatError extends Error {}

/** A name has at most 127 labels, so a longer chain of pointers goes nowhere. */
const MAX_POINTERS = 127;
const MAX_NAME_BYTES = 255;

export class WireReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #offset: number;

  constructor(bytes: Buffer, offset = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#offset = offset;
    this.#end = end;
  }

  get remaining(): number {
    return this.#end - this.#offset;
  }

  uint8(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  uint16(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  bytes(length = this.remaining): Buffer {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** A string of at most 255 bytes behind its length. */
  string(): Buffer {
    return this.bytes(this.uint8());
  }

  /** A reader of the next bytes; names in them may still point to anywhere before. */
  part(length: number): WireReader {
    const start = this.#take(length);
    return new WireReader(this.#bytes, start, start + length);
  }

  /** A name in presentation form without the final dot, `.` for the root; case as sent. Pointers only lead backwards. */
  name(): string {
    const labels: string[] = [];
    let at = new WireReader(this.#bytes, this.#offset, this.#end);
    let size = 1;
    let pointers = 0;
    for (;;) {
      const start = at.#offset;
      const length = at.uint8();
      if (length >= 0xc0) {
        const target = ((length & 0x3f) << 8) | at.uint8();
        if (target >= start || pointers === MAX_POINTERS)
          throw new DnsFormatError("a name that runs in circles");
        if (pointers++ === 0) this.#offset = at.#offset;
        at = new WireReader(this.#bytes, target);
      } else if (length >= 0x40) {
        throw new DnsFormatError("a label of an unknown kind");
      } else if (length > 0) {
        size += length + 1;
        if (size > MAX_NAME_BYTES) throw new DnsFormatError("a name of more than 255 bytes");
        labels.push(escapeLabel(at.bytes(length)));
      } else {
        if (pointers === 0) this.#offset = at.#offset;
        break;
      }
    }
    return labels.length === 0 ? "." : labels.join(".");
  }

  #take(length: number): number {
    if (length > this.remaining) throw new DnsFormatError("a length beyond the end");
    const start = this.#offset;
    this.#offset += length;
    return start;
  }
}

/** RFC 1035, 5.1: a dot within a label, quotes and backslashes get a backslash, what is not printable its number. */
function escapeLabel(label: Buffer): string {
  return escapeText(label).replaceAll(/[.\s]/g, (character) => (character === "." ? "\\." : "\\032"));
}

/** The text of a quoted string (RFC 1035, 5.1), without the quotes. */
export function escapeText(text: Buffer): string {
  let escaped = "";
  for (const byte of text) {
    const character = String.fromCharCode(byte);
    if (byte < 0x20 || byte > 0x7e) escaped += `\\${String(byte).padStart(3, "0")}`;
    else escaped += character === '"' || character === "\\" ? `\\${character}` : character;
  }
  return escaped;
}
