// Writes one batch: samples by one INSERT … SELECT unnest, stray replies by one upsert.
import type pg from "pg";
import { DatabaseError } from "pg";
import type { DatabaseHandle } from "../../platform/db.js";
import { closedHours } from "./chunks/hours.js";
import { notInChunks } from "./chunks/late.js";
import { holdBackRepacking, inTransaction } from "./chunks/transaction.js";
import { ensureHours, hourOf } from "./partitions.js";
import { isOver, noteLateSamples } from "./rollups/build.js";
import type { Batch, SampleRecord, StrayCount } from "./sample.js";

/** Longer than any healthy write; a connection that stays silent for so long is given up. */
const QUERY_TIMEOUT_MS = 10_000;

/** A slot farther from now than this is a mistake, not a late sample; it gets no partition. */
const OLDEST_SLOT_MS = 400 * 86_400_000;
const NEWEST_SLOT_MS = 86_400_000;

/** That an integer column holds. */
const MAX_COUNT = 2_147_483_647;

// Served by the primary key of the partition, which also settles who is first. Who was is counted, not returned: at
// 25,000 samples a second that is as much to read as to write.
const insertInto = (table: string, condition = "") => `
  insert into ${table} (slot, job_no, location_no, status, rtt_us, jitter_us, lateness_us,
                       sequence_number, recorded_at, error_code, error, phases)
  select slot, job_no, location_no, status, rtt_us, jitter_us, lateness_us,
         sequence_number, to_timestamp(recorded_ms / 1000), error_code, error, phases::jsonb
  from unnest($1::bigint[], $2::integer[], $3::smallint[], $4::smallint[], $5::integer[], $6::integer[], $7::integer[],
              $8::bigint[], $9::double precision[], $10::text[], $11::text[], $12::text[])
    as batch (slot, job_no, location_no, status, rtt_us, jitter_us, lateness_us,
              sequence_number, recorded_ms, error_code, error, phases)
  ${condition}
  on conflict do nothing`;

const INSERT_SAMPLES = insertInto("samples");

// The partition of a closed hour stays for a while; what it has is in the chunks, or will be. `offset 0` keeps Postgres
// from comparing with whole partitions instead of looking each slot up.
const INSERT_LATE_SAMPLES = insertInto(
  "late_samples",
  `where not exists (
    select from samples
    where samples.slot = batch.slot and samples.job_no = batch.job_no and samples.location_no = batch.location_no
    offset 0)`,
);

// Joined to jobs, because a job may have been deleted since. Counts end at the largest that the columns hold.
const ADD_STRAYS = `
  insert into stray_replies as old (hour_slot, job_no, location_no, duplicate_count, late_count)
  select hour_slot, job_no, location_no, duplicates, late
  from unnest($1::bigint[], $2::integer[], $3::smallint[], $4::integer[], $5::integer[])
    as batch (hour_slot, job_no, location_no, duplicates, late)
  join jobs using (job_no)
  on conflict (job_no, hour_slot, location_no) do update
    set duplicate_count = least(old.duplicate_count::bigint + excluded.duplicate_count, ${MAX_COUNT}),
        late_count = least(old.late_count::bigint + excluded.late_count, ${MAX_COUNT})`;

// One look into the primary key for each slot; `offset 0` as above.
const CONTRADICTED = `
  select slot, job_no, location_no
  from unnest($1::bigint[], $2::integer[], $3::smallint[], $4::smallint[]) as batch (slot, job_no, location_no, status)
  cross join lateral (
    select samples.status from samples
    where samples.slot = batch.slot and samples.job_no = batch.job_no and samples.location_no = batch.location_no
    offset 0) as known
  where known.status <> batch.status`;

export interface StoreResult {
  /** How many samples are in the database now and were not before. */
  stored: number;
  /**
   * Samples whose slots hold another outcome, which another poller measured meanwhile. Not found are those whose hours were
   * packed by then.
   */
  contradicted: SampleRecord[];
  /** Samples and stray replies that the database refuses for what they contain, with its reason. */
  rejected: { value: SampleRecord | StrayCount[]; reason: string }[];
}

/**
 * Stores a batch. A sample whose slot is already stored for its job and location changes nothing; a missing
 * partition is created; a sample of an hour that is packed already goes to `late_samples`; a sample that cannot be stored at all is reported in `rejected` and stops no other.
 * Throws when the database cannot be used, in which case any part of the samples may have been stored.
 */
export async function storeBatch(database: DatabaseHandle, batch: Batch, now: number): Promise<StoreResult> {
  const result: StoreResult = { stored: 0, contradicted: [], rejected: [] };
  if (batch.samples.length > 0) await storeSamples(database, batch.samples, now, result);
  // Others had been stored before, by an earlier try or by another poller.
  const areAllNew = result.stored + result.rejected.length === batch.samples.length;
  if (!areAllNew) result.contradicted = await contradicted(database.pool, batch.samples);
  if (batch.strays.length > 0) await addStrays(database, batch.strays, result);
  return result;
}

async function storeSamples(
  database: DatabaseHandle,
  samples: SampleRecord[],
  now: number,
  result: StoreResult,
): Promise<void> {
  try {
    result.stored += await insertCreatingPartitions(database, samples, now);
  } catch (error) {
    if (!isDataError(error)) throw error;
    const [sample] = samples;
    if (sample === undefined) return;
    if (samples.length === 1) {
      result.rejected.push({ value: sample, reason: error.message });
      return;
    }
    // One bad sample fails its whole statement: halve until it stands alone.
    const middle = Math.ceil(samples.length / 2);
    await storeSamples(database, samples.slice(0, middle), now, result);
    await storeSamples(database, samples.slice(middle), now, result);
  }
}

async function insertCreatingPartitions(
  database: DatabaseHandle,
  samples: SampleRecord[],
  now: number,
): Promise<number> {
  try {
    return await insertRawSamples(database.pool, samples, now);
  } catch (error) {
    if (!isMissingPartition(error)) throw error;
    const hours = new Set(
      samples
        .filter(({ slot }) => slot > now - OLDEST_SLOT_MS && slot < now + NEWEST_SLOT_MS)
        .map(({ slot }) => hourOf(slot)),
    );
    await ensureHours(database.db, [...hours]);
    const closed = await closedHours(database.pool, [...hours]);
    const isLate = ({ slot }: SampleRecord) => closed.has(hourOf(slot));
    const late = await insertLateSamples(database.pool, samples.filter(isLate));
    const others = samples.filter((sample) => !isLate(sample));
    return late + (others.length === 0 ? 0 : await insertRawSamples(database.pool, others, now));
  }
}

async function contradicted(pool: pg.Pool, samples: SampleRecord[]): Promise<SampleRecord[]> {
  const { rows } = await pool.query<[number, number, number]>(
    statement(CONTRADICTED, [
      numbers(samples, "slot"),
      numbers(samples, "jobNo"),
      numbers(samples, "locationNo"),
      numbers(samples, "status"),
    ]),
  );
  const found = new Set(rows.map((key) => key.join(" ")));
  return samples.filter(({ slot, jobNo, locationNo }) => found.has(`${slot} ${jobNo} ${locationNo}`));
}

/** Samples of hours that are over commit together with the note that the rollups of these hours lack them. */
async function insertRawSamples(pool: pg.Pool, samples: SampleRecord[], now: number): Promise<number> {
  const late = samples.filter(({ slot }) => isOver(slot, now));
  if (late.length === 0) return insertSamples(pool, samples);
  return inTransaction(pool, async (client) => {
    const stored = await insertSamples(client, samples);
    // An hour too many is built again, to the same rollups.
    if (stored > 0) await noteLateSamples(client, [...new Set(late.map(({ slot }) => hourOf(slot)))]);
    return stored;
  });
}

/** Stores samples of closed hours that are not stored yet, neither raw nor in a chunk. */
async function insertLateSamples(pool: pg.Pool, samples: SampleRecord[]): Promise<number> {
  if (samples.length === 0) return 0;
  return inTransaction(pool, async (client) => {
    await holdBackRepacking(client);
    const unknown = await notInChunks(client, samples);
    return unknown.length === 0 ? 0 : insertSamples(client, unknown, INSERT_LATE_SAMPLES);
  });
}

/** Returns how many were not stored before. */
async function insertSamples(
  db: pg.Pool | pg.PoolClient,
  samples: SampleRecord[],
  text = INSERT_SAMPLES,
): Promise<number> {
  const { rowCount } = await db.query(
    statement(text, [
      numbers(samples, "slot"),
      numbers(samples, "jobNo"),
      numbers(samples, "locationNo"),
      numbers(samples, "status"),
      numbers(samples, "rttUs"),
      numbers(samples, "jitterUs"),
      numbers(samples, "latenessUs"),
      numbers(samples, "sequenceNumber"),
      numbers(samples, "recordedAtMs"),
      texts(samples, (sample) => sample.errorCode),
      texts(samples, (sample) => sample.error),
      texts(samples, (sample) => (sample.phases === null ? null : JSON.stringify(sample.phases))),
    ]),
  );
  return rowCount ?? 0;
}

/**
 * A batch whose commit was not heard of counts its stray replies twice when it is repeated: unlike samples they
 * have no identity. They hint at the network's health, so that is good enough.
 */
async function addStrays(database: DatabaseHandle, strays: StrayCount[], result: StoreResult): Promise<void> {
  const sums = summedUp(strays);
  try {
    await database.pool.query(
      statement(ADD_STRAYS, [
        numbers(sums, "hourSlot"),
        numbers(sums, "jobNo"),
        numbers(sums, "locationNo"),
        numbers(sums, "duplicates"),
        numbers(sums, "late"),
      ]),
    );
  } catch (error) {
    if (!isDataError(error)) throw error;
    result.rejected.push({ value: strays, reason: error.message });
  }
}

/** One count for each hour, job and location: a statement can change no row twice. */
function summedUp(strays: readonly StrayCount[]): StrayCount[] {
  const sums = new Map<string, StrayCount>();
  for (const stray of strays) {
    const key = `${stray.hourSlot} ${stray.jobNo} ${stray.locationNo}`;
    const sum = sums.get(key);
    sums.set(key, {
      ...stray,
      duplicates: Math.min((sum?.duplicates ?? 0) + stray.duplicates, MAX_COUNT),
      late: Math.min((sum?.late ?? 0) + stray.late, MAX_COUNT),
    });
  }
  return [...sums.values()];
}

function statement(text: string, values: string[]): pg.QueryArrayConfig {
  const config: pg.QueryArrayConfig & { query_timeout: number } = {
    text,
    values,
    rowMode: "array",
    query_timeout: QUERY_TIMEOUT_MS,
  };
  return config;
}

/** A column of numbers as a Postgres array; text beats the driver's own encoding of arrays by far. */
function numbers<Row>(rows: readonly Row[], column: keyof Row): string {
  return arrayOf(rows.map((row) => row[column] ?? "NULL"));
}

/** A column of texts. One of nulls alone, as errors almost always are, is an empty array: `unnest` fills it up. */
function texts(samples: readonly SampleRecord[], column: (sample: SampleRecord) => string | null): string {
  const values = samples.map(column);
  return arrayOf(values.every((value) => value === null) ? [] : values.map(quoted));
}

/** Postgres has no NUL in text; whatever a target sent, the sample counts more than that character. */
function quoted(text: string | null): string {
  return text === null ? "NULL" : `"${text.replaceAll("\0", "").replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

/** Joined at once: text that grows by each value leaves twice as much for the collector of garbage. */
function arrayOf(values: readonly unknown[]): string {
  return `{${values.join(",")}}`;
}

/** SQLSTATE classes 22 (data exception) and 23 (integrity): the values are at fault, repeating is no use. */
function isDataError(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && /^2[23]/.test(error.code ?? "");
}

/** Check constraints have only partitions that are closed, so this SQLSTATE means "no partition that takes the row". */
function isMissingPartition(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === "23514";
}
