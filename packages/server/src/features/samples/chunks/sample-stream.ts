// Samples by the million: one sorted pass over a table, as Postgres copies it out in binary, with little in memory.
import { Client } from "pg";
import { to as copyTo } from "pg-copy-streams";
import type { ErrorCode, Phases } from "@nightbell/contract";
import type { SampleRecord, StatusCode } from "../sample.js";

/** An hour of 100,000 jobs at a cadence of ten seconds takes a few minutes. */
const PASS_TIMEOUT_MS = 1_800_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** For the sort; what does not fit goes to disk. */
const SORT_MEMORY = "64MB";

/** The instant from which Postgres counts, in milliseconds since the epoch. */
const POSTGRES_EPOCH_MS = 946_684_800_000;
/** Signature, flags, and the length of an extension that is always empty. */
const HEADER_BYTES = 19;
const FIELDS = 12;
const END_OF_DATA = -1;

/** Which samples: of an hour, after a job and location. */
export interface SampleSource {
  table: "samples" | "late_samples";
  hour: number;
  /** Exclusive. */
  to: number;
  after: { jobNo: number; locationNo: number };
}

// Samples of deleted jobs are passed over, and go with their partition.
const copyOf = ({ table, hour, to, after }: SampleSource) => `
  copy (
    select slot, job_no, location_no, status, rtt_us, jitter_us, lateness_us, sequence_number, recorded_at,
      error_code, error, phases
    from ${table}
    where slot >= ${hour} and slot < ${to} and (job_no, location_no) > (${after.jobNo}, ${after.locationNo})
      and exists (select from jobs where jobs.job_no = ${table}.job_no)
    order by job_no, location_no, slot
  ) to stdout (format binary)`;

/**
 * The samples of each job and location, oldest first, in the order of job and location. Reads no faster than it is
 * asked, on a connection of its own, because those of the pool give a statement up much earlier.
 */
export async function* groupsOf(url: string, source: SampleSource): AsyncGenerator<SampleRecord[]> {
  const client = new Client({
    connectionString: url,
    application_name: "nightbell ageing",
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: PASS_TIMEOUT_MS,
  });
  // A connection that breaks fails the copy.
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query(`begin read only; set local work_mem = '${SORT_MEMORY}'`);
    const stream = client.query(copyTo(copyOf(source)));
    // Postgres ends the statement by then; should it not even be able to say so, nobody waits for it.
    const watchdog = setTimeout(
      () => stream.destroy(new Error(`the pass over ${source.table} took longer than ${PASS_TIMEOUT_MS} ms`)),
      PASS_TIMEOUT_MS + 10_000,
    );
    try {
      const parser = new CopyParser();
      let group: SampleRecord[] = [];
      for await (const bytes of stream as AsyncIterable<Buffer>) {
        for (const sample of parser.push(bytes)) {
          const [first] = group;
          if (
            first !== undefined &&
            (first.jobNo !== sample.jobNo || first.locationNo !== sample.locationNo)
          ) {
            yield group;
            group = [];
          }
          group.push(sample);
        }
      }
      if (!parser.isComplete) throw new Error(`the copy of ${source.table} broke off`);
      if (group.length > 0) yield group;
    } finally {
      clearTimeout(watchdog);
    }
  } finally {
    await client.end();
  }
}

/** Reads the binary format of COPY (PostgreSQL documentation, "COPY", "Binary Format"). */
class CopyParser {
  #rest: Buffer = Buffer.alloc(0);
  #isPastHeader = false;
  /** True once the end was read. */
  isComplete = false;

  /** The samples that are whole with these bytes. */
  push(bytes: Buffer): SampleRecord[] {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const samples: SampleRecord[] = [];
    let at = 0;
    if (!this.#isPastHeader && all.length >= HEADER_BYTES) {
      at = HEADER_BYTES;
      this.#isPastHeader = true;
    }
    while (this.#isPastHeader && all.length - at >= 2) {
      if (all.readInt16BE(at) === END_OF_DATA) {
        this.isComplete = true;
        break;
      }
      const end = endOfRow(all, at + 2);
      if (end === null) break;
      samples.push(toSample(all, at + 2));
      at = end;
    }
    this.#rest = all.subarray(at);
    return samples;
  }
}

/** Where the row that begins at `at` ends; null when it is not all there. */
function endOfRow(bytes: Buffer, at: number): number | null {
  let end = at;
  for (let field = 0; field < FIELDS; field += 1) {
    if (end + 4 > bytes.length) return null;
    end += 4 + Math.max(bytes.readInt32BE(end), 0);
  }
  return end <= bytes.length ? end : null;
}

function toSample(bytes: Buffer, start: number): SampleRecord {
  let at = start;
  /** Where the value of the next field begins; null when it has none. */
  const next = (): { at: number; length: number } | null => {
    const length = bytes.readInt32BE(at);
    at += 4;
    if (length < 0) return null;
    const field = { at, length };
    at += length;
    return field;
  };
  const int = <Missing>(missing: Missing): number | Missing => {
    const field = next();
    if (field === null) return missing;
    if (field.length === 2) return bytes.readInt16BE(field.at);
    const high = bytes.readInt32BE(field.at);
    return field.length === 4 ? high : high * 2 ** 32 + bytes.readUInt32BE(field.at + 4);
  };
  const text = (skip = 0): string | null => {
    const field = next();
    return field === null ? null : bytes.toString("utf8", field.at + skip, field.at + field.length);
  };
  return {
    slot: int(0),
    jobNo: int(0),
    locationNo: int(0),
    status: int(0) as StatusCode,
    rttUs: int(null),
    jitterUs: int(null),
    latenessUs: int(0),
    sequenceNumber: int(0),
    recordedAtMs: POSTGRES_EPOCH_MS + int(0) / 1_000,
    errorCode: text() as ErrorCode | null,
    error: text(),
    // Before the JSON stands the version of the format, one byte.
    phases: parsePhases(text(1)),
  };
}

function parsePhases(json: string | null): Phases | null {
  return json === null ? null : (JSON.parse(json) as Phases);
}
