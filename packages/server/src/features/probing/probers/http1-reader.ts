/**
 * Reads one HTTP/1.1 answer (RFC 9112) as its bytes arrive. Strict where leniency is how answers get smuggled: lines end
 * in CR LF, no folded lines, one framing of the body, chunk sizes in plain hexadecimal.
 */
import { MAX_HEAD_BYTES } from "./http-terms.js";

/** Why bytes are not an HTTP/1.1 answer; completes `sent what is not HTTP/1.1: …`. */
export class HttpFormatError extends Error {}

export interface Http1Head {
  status: number;
  /** Names in lower case, repeated ones joined by a comma. */
  headers: ReadonlyMap<string, string>;
}

/**
 * What is read next. `sized` and `chunk` have a number of bytes left, `untilClose` ends with the connection.
 * head → (head, after 1xx) → whole | sized | untilClose | chunkSize; chunkSize ⇄ chunk; chunkSize → trailers; all → whole.
 */
type State = "head" | "sized" | "untilClose" | "chunkSize" | "chunk" | "trailers" | "whole";

/** A chunk's size and its extensions; longer is an attack, not a chunk. */
const MAX_CHUNK_LINE_BYTES = 1_024;
const BEGINNING = "HTTP/1.";
const STATUS_LINE = /^HTTP\/1\.[01] ([1-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?\r\n/;
const FIELD = /([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)\r\n/y;

export class Http1Reader {
  /** Null until it has been read. */
  head: Http1Head | null = null;
  bodyBytes = 0;
  /** False throws the body away once counted. */
  keepsBody = true;
  readonly #method: string;
  #state: State = "head";
  #unread: Buffer = Buffer.alloc(0);
  /** Bytes of the part being read that are still to come. */
  #left = 0;
  /** Bytes of heads and trailers so far; interim answers do not start the count again. */
  #headBytes = 0;
  /** The body, and room for more of it. */
  #kept: Buffer = Buffer.alloc(0);
  #keptBytes = 0;

  constructor(method: string) {
    this.#method = method;
  }

  get isWhole(): boolean {
    return this.#state === "whole";
  }

  /** The body so far, as it was sent. */
  get body(): Buffer {
    return this.#kept.subarray(0, this.#keptBytes);
  }

  /** Throws HttpFormatError. What follows the answer is ignored. */
  push(bytes: Buffer): void {
    this.#unread = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes]);
    while (this.#step());
  }

  /** The connection has ended; says whether the answer is whole. */
  end(): boolean {
    if (this.#state === "untilClose") this.#state = "whole";
    return this.isWhole;
  }

  /** Reads one part of what is there; false when more bytes are needed, or none. */
  #step(): boolean {
    switch (this.#state) {
      case "head":
        return this.#readHead();
      case "chunkSize":
        return this.#readChunkSize();
      case "trailers":
        return this.#readTrailers();
      case "sized":
      case "chunk":
      case "untilClose":
        return this.#readContent();
      case "whole":
        return false;
    }
  }

  #readHead(): boolean {
    const beginning = this.#unread.toString("latin1", 0, BEGINNING.length);
    if (!BEGINNING.startsWith(beginning)) throw new HttpFormatError("it does not begin with HTTP/1");
    const lines = this.#takeLines();
    if (lines === null) return false;
    const [statusLine, digits] = STATUS_LINE.exec(lines) ?? [];
    if (statusLine === undefined) throw new HttpFormatError("its status line is malformed");
    const status = Number(digits);
    const headers = readFields(lines, statusLine.length);
    // An interim answer says that the real one follows; 101, which nobody asked for, is the last of this protocol.
    if (status < 200 && status !== 101) return true;
    this.head = { status, headers };
    this.#frame(status, headers);
    return true;
  }

  /** How long the body is (RFC 9112, 6.3). */
  #frame(status: number, headers: ReadonlyMap<string, string>): void {
    const coding = headers.get("transfer-encoding");
    const length = headers.get("content-length");
    if (coding !== undefined && length !== undefined)
      throw new HttpFormatError("it has both a length and a transfer coding");
    if (length !== undefined && !/^\d{1,15}$/.test(length))
      throw new HttpFormatError("its length is no number");
    const hasNoBody = this.#method === "HEAD" || status < 200 || status === 204 || status === 304;
    if (hasNoBody) this.#state = "whole";
    else if (coding !== undefined)
      this.#state = /(?:^|,)[ \t]*chunked$/i.test(coding) ? "chunkSize" : "untilClose";
    else if (length === undefined) this.#state = "untilClose";
    else this.#expect("sized", Number(length));
  }

  #readChunkSize(): boolean {
    const end = this.#unread.indexOf("\r\n");
    if (end === -1 && this.#unread.length <= MAX_CHUNK_LINE_BYTES) return false;
    const line = this.#take(end + 2).toString("latin1", 0, end);
    const size = /^([0-9a-f]{1,12})[ \t]*(?:;.{0,1000})?$/i.exec(line)?.[1];
    if (end === -1 || size === undefined) throw new HttpFormatError("a chunk has no size");
    if (Number.parseInt(size, 16) === 0) this.#state = "trailers";
    else this.#expect("chunk", Number.parseInt(size, 16));
    return true;
  }

  #readTrailers(): boolean {
    const isEmpty = this.#unread.toString("latin1", 0, 2) === "\r\n";
    const lines = isEmpty ? "" : this.#takeLines();
    if (lines === null) return false;
    readFields(lines, 0);
    this.#state = "whole";
    return true;
  }

  #readContent(): boolean {
    const content = this.#take(this.#state === "untilClose" ? Infinity : this.#left);
    this.#left -= content.length;
    this.bodyBytes += content.length;
    if (this.keepsBody) this.#keep(content);
    if (this.#left > 0 || this.#state === "untilClose") return false;
    if (this.#state === "sized") {
      this.#state = "whole";
      return false;
    }
    if (this.#unread.length < 2) return false;
    if (this.#take(2).toString("latin1") !== "\r\n")
      throw new HttpFormatError("a chunk is longer than its size");
    this.#state = "chunkSize";
    return true;
  }

  /** Copied together: a list of a million chunks of one byte each would take a hundred times their size. */
  #keep(content: Buffer): void {
    const size = this.#keptBytes + content.length;
    if (size > this.#kept.length) {
      const larger = Buffer.allocUnsafe(Math.max(size, 2 * this.#kept.length));
      this.#kept.copy(larger, 0, 0, this.#keptBytes);
      this.#kept = larger;
    }
    content.copy(this.#kept, this.#keptBytes);
    this.#keptBytes = size;
  }

  #expect(state: "sized" | "chunk", bytes: number): void {
    this.#state = state;
    this.#left = bytes;
  }

  /** The lines up to an empty one, each with its end; null until it is there. */
  #takeLines(): string | null {
    const end = this.#unread.indexOf("\r\n\r\n");
    const size = end === -1 ? this.#unread.length : end + 4;
    if (this.#headBytes + size > MAX_HEAD_BYTES)
      throw new HttpFormatError(`its head has more than ${MAX_HEAD_BYTES} bytes`);
    if (end === -1) return null;
    this.#headBytes += size;
    return this.#take(size).toString("latin1", 0, end + 2);
  }

  #take(bytes: number): Buffer {
    const taken = this.#unread.subarray(0, bytes);
    this.#unread = this.#unread.subarray(taken.length);
    return taken;
  }
}

function readFields(lines: string, offset: number): Map<string, string> {
  const fields = new Map<string, string>();
  for (FIELD.lastIndex = offset; FIELD.lastIndex < lines.length;) {
    const [, name, value] = FIELD.exec(lines) ?? [];
    if (name === undefined || value === undefined) throw new HttpFormatError("a header is malformed");
    const key = name.toLowerCase();
    const before = fields.get(key);
    fields.set(key, before === undefined ? value.trimEnd() : `${before}, ${value.trimEnd()}`);
  }
  return fields;
}
