// The spool: batches on disk while the database is away (M9). Segment files of framed batches, oldest first.
import { open, readdir, readFile, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { basename, join } from "node:path";
import { crc32 } from "node:zlib";
import { type FileLock, FileLockedError, lockFile } from "../../platform/file-lock.js";
import { createFolders } from "../../platform/folders.js";
import type { Logger } from "../../platform/log.js";
import type { Batch, SampleRecord } from "./sample.js";

/** A segment is replayed and dropped as a whole, so its size is the step in which the bound is kept. */
const SEGMENT_BYTES = 8 * 1024 * 1024;

/** Frame: payload length and CRC-32 of the payload, 4 bytes each, little endian; then the payload, JSON. */
const HEADER_BYTES = 8;

interface Segment {
  number: number;
  bytes: number;
}

/** A segment under replay: its frames that are not stored yet. Decoded one by one, for all at once would stop the probes. */
interface Replay {
  segment: Segment;
  payloads: Buffer[];
  /** How many of them `peek` returned as one batch. */
  peeked: number;
}

/**
 * A queue of batches that survives the process. Appended batches are on disk (fdatasync) when `append` resolves.
 * What a kill tears off the last frame is left out when it is read; a batch may be read again after a restart,
 * which the uniqueness of samples makes harmless. Beyond `maxBytes` the oldest segment is dropped.
 * Operations run one after the other, in the order in which they were called.
 */
export class Spool {
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #log: Logger;
  readonly #lock: FileLock;
  /** Oldest first; the last one is written to while `#active` is open. */
  readonly #segments: Segment[];
  /** Of the newest segment so far; none is given out twice, as a file may outlive its segment. */
  #lastNumber: number;
  #active: FileHandle | null = null;
  #replay: Replay | null = null;
  /** Settles with the operation before the next one. */
  #previous: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** Which of the spools below the root it is, from 0: living writers of a machine have different ones. */
  get place(): number {
    return Number(basename(this.#folder));
  }

  private constructor(folder: string, maxBytes: number, log: Logger, lock: FileLock, segments: Segment[]) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
    this.#log = log;
    this.#lock = lock;
    this.#segments = segments;
    this.#lastNumber = segments.at(-1)?.number ?? 0;
  }

  /**
   * Opens a spool below `root`, in a folder of its own: the first one, counted from 0, that no living process has. What
   * processes that have ended left in other folders is taken over.
   */
  static async open(root: string, options: { maxBytes: number; log: Logger }): Promise<Spool> {
    const { folder, lock } = await claimFolder(root);
    await takeOverLeftOvers(root, folder, options.log);
    const segments = await readSegments(folder);
    return new Spool(folder, options.maxBytes, options.log, lock, segments);
  }

  get isEmpty(): boolean {
    return this.#segments.length === 0;
  }

  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  /** Appends a batch at the end. Returns how many bytes were dropped at the old end to keep the bound. */
  append(batch: Batch): Promise<number> {
    return this.#inTurn(() => this.#append(batch));
  }

  /**
   * The oldest batch, which stays until `shift`, with those behind it as one, as long as they have `mergedBytes` together;
   * null when the spool is empty.
   */
  peek(mergedBytes = 0): Promise<Batch | null> {
    return this.#inTurn(() => this.#peek(mergedBytes));
  }

  /** Removes the batch that `peek` returned: it is stored. On a closed spool it stays, to be stored again. */
  shift(): Promise<void> {
    return this.#inTurn(() => this.#shift());
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      this.#closed = true;
      await this.#closeActive();
      this.#lock.release();
    });
  }

  #inTurn<Result>(operation: () => Promise<Result>): Promise<Result> {
    const result = this.#previous.then(operation);
    // Who asked for it hears of its failure; the next turn comes all the same.
    this.#previous = result.catch(() => undefined);
    return result;
  }

  async #peek(mergedBytes: number): Promise<Batch | null> {
    for (;;) {
      const replay = this.#replay;
      if (replay !== null && replay.payloads.length > 0) {
        replay.peeked = leading(replay.payloads, mergedBytes);
        const batches = replay.payloads.slice(0, replay.peeked).map(decode);
        return {
          samples: batches.flatMap(({ samples }) => samples),
          strays: batches.flatMap(({ strays }) => strays),
        };
      }
      if (replay !== null) await this.#remove(replay.segment);
      const [segment] = this.#segments;
      if (segment === undefined) return null;
      this.#replay = { segment, payloads: await this.#read(segment), peeked: 0 };
    }
  }

  async #shift(): Promise<void> {
    if (this.#replay === null || this.#closed) return;
    this.#replay.payloads.splice(0, this.#replay.peeked);
    if (this.#replay.payloads.length === 0) await this.#remove(this.#replay.segment);
  }

  async #append(batch: Batch): Promise<number> {
    const payload = encode(batch);
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32LE(payload.length, 0);
    header.writeUInt32LE(crc32(payload), 4);
    let segment = this.#segments.at(-1);
    if (this.#active === null || segment === undefined || segment.bytes >= SEGMENT_BYTES) {
      await this.#closeActive();
      this.#lastNumber += 1;
      segment = { number: this.#lastNumber, bytes: 0 };
      this.#active = await open(this.#path(segment), "wx");
      this.#segments.push(segment);
    }
    try {
      await this.#active.writev([header, payload]);
      await this.#active.datasync();
    } catch (error) {
      // Nothing may follow a torn frame: the next batch opens a new segment.
      await this.#closeActive();
      throw error;
    }
    segment.bytes += HEADER_BYTES + payload.length;
    return this.#keepBound();
  }

  async #keepBound(): Promise<number> {
    let dropped = 0;
    while (this.bytes > this.#maxBytes && this.#segments.length > 1) {
      const [oldest] = this.#segments;
      if (oldest === undefined) break;
      dropped += oldest.bytes;
      await this.#remove(oldest);
    }
    return dropped;
  }

  async #read(segment: Segment): Promise<Buffer[]> {
    // A segment that is being replayed gets no more batches.
    if (segment === this.#segments.at(-1)) await this.#closeActive();
    const content = await this.#content(segment);
    const payloads: Buffer[] = [];
    let offset = 0;
    while (offset + HEADER_BYTES <= content.length) {
      const end = offset + HEADER_BYTES + content.readUInt32LE(offset);
      const payload = content.subarray(offset + HEADER_BYTES, end);
      if (end > content.length || crc32(payload) !== content.readUInt32LE(offset + 4)) break;
      payloads.push(payload);
      offset = end;
    }
    if (offset < content.length) {
      this.#log.warn(
        { segment: this.#path(segment), lostBytes: content.length - offset },
        "the end of a spool segment cannot be read; what it held is lost",
      );
    }
    return payloads;
  }

  /** A file that the disk refuses to read is set aside: it must not stop what comes after it. */
  async #content(segment: Segment): Promise<Buffer> {
    const path = this.#path(segment);
    try {
      return await readFile(path);
    } catch (error) {
      this.#log.error({ err: error, segment: path }, "a spool segment cannot be read and is set aside");
      await rename(path, `${path}.unreadable`).catch((failure: unknown) => {
        this.#log.error(
          { err: failure, segment: path },
          "it cannot be set aside either; its samples are given up",
        );
      });
      return Buffer.alloc(0);
    }
  }

  async #remove(segment: Segment): Promise<void> {
    if (this.#replay?.segment === segment) this.#replay = null;
    const index = this.#segments.indexOf(segment);
    if (index === -1) return;
    if (index === this.#segments.length - 1) await this.#closeActive();
    this.#segments.splice(index, 1);
    const path = this.#path(segment);
    await rm(path, { force: true }).catch((error: unknown) => {
      this.#log.warn(
        { err: error, segment: path },
        "a spool segment that is done with cannot be removed; the next start reads it again, which changes nothing",
      );
    });
  }

  async #closeActive(): Promise<void> {
    const active = this.#active;
    this.#active = null;
    await active?.close();
  }

  #path(segment: Segment): string {
    return segmentPath(this.#folder, segment);
  }
}

/** How many come first that have so many bytes together; one at least. */
function leading(payloads: readonly Buffer[], maxBytes: number): number {
  let bytes = 0;
  const end = payloads.findIndex((payload, index) => (bytes += payload.length) > maxBytes && index > 0);
  return end === -1 ? payloads.length : end;
}

/** The lock ends with the process that has it, however it ends. Folders stay, so that none is locked twice by name. */
async function claimFolder(root: string): Promise<{ folder: string; lock: FileLock }> {
  for (let number = 0; ; number += 1) {
    const folder = join(root, String(number));
    await createFolders(folder, 0o700);
    const lock = tryLock(folder);
    if (lock !== null) return { folder, lock };
  }
}

function tryLock(folder: string): FileLock | null {
  try {
    return lockFile(join(folder, "lock"));
  } catch (error) {
    if (error instanceof FileLockedError) return null;
    throw error;
  }
}

/** Moves the segments of folders that nobody has, behind those of `own`. Killed in between, the rest waits for the next start. */
async function takeOverLeftOvers(root: string, own: string, log: Logger): Promise<void> {
  let last = (await readSegments(own)).at(-1)?.number ?? 0;
  for (const entry of await readdir(root, { withFileTypes: true })) {
    const folder = join(root, entry.name);
    if (!entry.isDirectory() || folder === own) continue;
    const leftOver = await readSegments(folder);
    const lock = leftOver.length === 0 ? null : tryLock(folder);
    if (lock === null) continue;
    // Read again: between the look and the lock its owner may have emptied it.
    for (const segment of await readSegments(folder)) {
      last += 1;
      await rename(segmentPath(folder, segment), segmentPath(own, { ...segment, number: last }));
    }
    lock.release();
    log.info({ folder }, "samples that another poller left in its spool are stored by this one");
  }
}

/** In order, oldest first. */
async function readSegments(folder: string): Promise<Segment[]> {
  const segments: Segment[] = [];
  for (const name of await readdir(folder)) {
    const number = Number(/^(\d{12})\.segment$/.exec(name)?.[1] ?? Number.NaN);
    if (Number.isNaN(number)) continue;
    // Another process may have removed it since.
    const file = await stat(join(folder, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
      return null;
    });
    if (file !== null) segments.push({ number, bytes: file.size });
  }
  return segments.toSorted((a, b) => a.number - b.number);
}

function segmentPath(folder: string, { number }: Segment): string {
  return join(folder, `${String(number).padStart(12, "0")}.segment`);
}

/** Samples as rows without names, in the order of this list: a third of the size. */
const columns = [
  "slot",
  "jobNo",
  "locationNo",
  "status",
  "rttUs",
  "jitterUs",
  "latenessUs",
  "sequenceNumber",
  "recordedAtMs",
  "errorCode",
  "error",
  "phases",
] as const satisfies readonly (keyof SampleRecord)[];

function encode(batch: Batch): Buffer {
  const rows = batch.samples.map((sample) => columns.map((column) => sample[column]));
  return Buffer.from(JSON.stringify({ rows, strays: batch.strays }));
}

function decode(payload: Buffer): Batch {
  const { rows, strays } = JSON.parse(payload.toString()) as { rows: unknown[][]; strays: Batch["strays"] };
  const samples = rows.map(
    (row) =>
      Object.fromEntries(columns.map((column, index) => [column, row[index]])) as unknown as SampleRecord,
  );
  return { samples, strays };
}
