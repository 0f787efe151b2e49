// SQL over chunks. Both tables of chunks are read by their primary key (job_no, location_no, first_slot); that of
// lasting ones in the partitions of the days asked for.
import type { Pool, PoolClient, QueryConfig } from "pg";
import type { Chunk } from "./codec.js";

/** Nothing a person waits for. */
const READ_TIMEOUT_MS = 15_000;

export const DAY_MS = 86_400_000;

/** Lasting chunks are kept until their day is dropped; interim ones until their day is complete. */
export type ChunkTable = "sample_chunks" | "interim_chunks";
export const chunkTables: readonly ChunkTable[] = ["sample_chunks", "interim_chunks"];

/** The first slot of the day of UTC that a slot lies in. */
export function dayOf(slot: number): number {
  return Math.floor(slot / DAY_MS) * DAY_MS;
}

/** Slots of a job, from `first` to `last`. */
export interface ChunkRange {
  jobNo: number;
  first: number;
  last: number;
}

export interface StoredChunk extends Chunk {
  table: ChunkTable;
  /** The name of the location. */
  location: string;
}

interface ChunkRow {
  table: ChunkTable;
  job_no: number;
  location_no: number;
  location: string;
  first_slot: number;
  last_slot: number;
  first_sequence: number;
  step_ms: number;
  sample_count: number;
  missed_count: number;
  system_error_count: number;
  rtt_min_us: number | null;
  rtt_max_us: number | null;
  rtt_sum_us: number;
  measures: Buffer;
  details: Buffer;
  phases: Buffer | null;
}

const columns = `
  job_no, location_no, first_slot, last_slot, first_sequence, step_ms, sample_count, missed_count, system_error_count,
  rtt_min_us, rtt_max_us, rtt_sum_us, measures, details, phases`;

// A chunk lies in one day, so those that overlap a range begin on its first day at the earliest.
const chunksIn = (table: ChunkTable) => `
  select '${table}' as table, ${columns} from ${table}
  where job_no = range.job_no and first_slot between range.day and range.last and last_slot >= range.first
    and first_slot between $5 and $6`;

const CHUNKS_OF_RANGES = `
  select chunk.*, coalesce(name, location_no::text) as location
  from unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bigint[]) as range (job_no, day, first, last)
  cross join lateral (${chunkTables.map(chunksIn).join(" union all ")} offset 0) as chunk
  left join locations using (location_no)
  order by job_no, location_no, first_slot`;

/** The chunks that overlap the ranges, in the order of job, location and slot; ranges of one job must not overlap. */
export async function chunksOf(db: Pool | PoolClient, ranges: readonly ChunkRange[]): Promise<StoredChunk[]> {
  if (ranges.length === 0) return [];
  const query: QueryConfig & { query_timeout: number } = {
    text: CHUNKS_OF_RANGES,
    values: [
      ranges.map(({ jobNo }) => jobNo),
      ranges.map(({ first }) => dayOf(first)),
      ranges.map(({ first }) => first),
      ranges.map(({ last }) => last),
      dayOf(Math.min(...ranges.map(({ first }) => first))),
      Math.max(...ranges.map(({ last }) => last)),
    ],
    query_timeout: READ_TIMEOUT_MS,
  };
  return (await db.query<ChunkRow>(query)).rows.map(toChunk);
}

const INTERIM_OF_DAY = `
  select 'interim_chunks' as table, '' as location, ${columns} from interim_chunks
  where first_slot >= $1 and first_slot < $2 and (job_no, location_no) > ($3, $4)
  order by job_no, location_no, first_slot
  limit $5`;

/** Interim chunks of a day, in the order of job, location and slot, after a job and location. */
export async function interimChunks(
  client: PoolClient,
  day: number,
  after: { jobNo: number; locationNo: number },
  limit: number,
): Promise<StoredChunk[]> {
  const { rows } = await client.query<ChunkRow>(INTERIM_OF_DAY, [
    day,
    day + DAY_MS,
    after.jobNo,
    after.locationNo,
    limit,
  ]);
  return rows.map(toChunk);
}

const insertInto = (table: ChunkTable) => `
  insert into ${table} (${columns})
  select * from unnest($1::integer[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::integer[],
    $7::smallint[], $8::smallint[], $9::smallint[], $10::integer[], $11::integer[], $12::bigint[], $13::bytea[],
    $14::bytea[], $15::bytea[])`;

export async function insertChunks(
  client: PoolClient,
  table: ChunkTable,
  chunks: readonly Chunk[],
): Promise<void> {
  if (chunks.length === 0) return;
  const column = <Key extends keyof Chunk>(key: Key) => chunks.map((chunk) => chunk[key]);
  await client.query(insertInto(table), [
    column("jobNo"),
    column("locationNo"),
    column("firstSlot"),
    column("lastSlot"),
    column("firstSequence"),
    column("stepMs"),
    column("sampleCount"),
    column("missedCount"),
    column("systemErrorCount"),
    column("rttMinUs"),
    column("rttMaxUs"),
    column("rttSumUs"),
    column("measures"),
    column("details"),
    column("phases"),
  ]);
}

export async function deleteChunks(client: PoolClient, chunks: readonly StoredChunk[]): Promise<void> {
  for (const table of chunkTables) {
    const ours = chunks.filter((chunk) => chunk.table === table);
    if (ours.length === 0) continue;
    await client.query(
      `delete from ${table}
       using unnest($1::integer[], $2::smallint[], $3::bigint[]) as gone (job_no, location_no, first_slot)
       where ${table}.job_no = gone.job_no and ${table}.location_no = gone.location_no
         and ${table}.first_slot = gone.first_slot and ${table}.first_slot between $4 and $5`,
      [
        ours.map(({ jobNo }) => jobNo),
        ours.map(({ locationNo }) => locationNo),
        ours.map(({ firstSlot }) => firstSlot),
        Math.min(...ours.map(({ firstSlot }) => firstSlot)),
        Math.max(...ours.map(({ firstSlot }) => firstSlot)),
      ],
    );
  }
}

function toChunk(row: ChunkRow): StoredChunk {
  return {
    table: row.table,
    location: row.location,
    jobNo: row.job_no,
    locationNo: row.location_no,
    firstSlot: row.first_slot,
    lastSlot: row.last_slot,
    firstSequence: row.first_sequence,
    stepMs: row.step_ms,
    sampleCount: row.sample_count,
    missedCount: row.missed_count,
    systemErrorCount: row.system_error_count,
    rttMinUs: row.rtt_min_us,
    rttMaxUs: row.rtt_max_us,
    rttSumUs: row.rtt_sum_us,
    measures: row.measures,
    details: row.details,
    phases: row.phases,
  };
}
