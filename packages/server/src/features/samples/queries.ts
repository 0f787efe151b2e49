// Reads of samples that are rows: raw ones, and late ones, which have the same columns and the same key. There is no index by job: the slots of a job are computed from its grids and looked up one by one
// in the primary key (slot, job_no, location_no) of the partition they lie in.
import type { Pool, QueryConfig, QueryResultRow } from "pg";
import type { ErrorCode } from "@nightbell/contract";
import type { LocatedGrid } from "../jobs/index.js";
import { toIntegers } from "./integers.js";
import type { Bulk } from "./rollups/rollup.js";
import type { Span } from "./slots.js";

/** Nothing a person waits for; rather an error than a connection that is held for half a minute. */
const READ_TIMEOUT_MS = 15_000;

/** Where samples are rows: raw ones, and those that came after their hour was closed. */
export type SampleTable = "samples" | "late_samples";

/** A span of a job, with a label by which the rows that come of it are told apart. */
export interface LabelledSpan extends Span {
  jobNo: number;
  label: number;
}

/**
 * Each span lies in one hour, so Postgres prunes the partitions by the range of the span when it runs; when it plans,
 * by that of all of them ($6 to $7). One `slot = any(…)` over several partitions would search each of them for all slots.
 * `offset 0` keeps Postgres from turning the lookups into a join, which it does as long as it has no statistics of an
 * hour's partition, and then compares each sample with each span.
 */
const ofSpans = (table: SampleTable) => `
  from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::integer[], $5::integer[])
    as span (first, last, step, job_no, label)
  cross join lateral (
    select * from ${table}
    where ${table}.job_no = span.job_no
      and slot between span.first and span.last and slot between $6 and $7
      and slot = any (array(select generate_series(span.first, span.last, span.step)))
    offset 0
  ) as sample`;

async function readSpans<Row extends QueryResultRow>(
  pool: Pool,
  text: string,
  spans: readonly LabelledSpan[],
  more: readonly number[] = [],
): Promise<Row[]> {
  if (spans.length === 0) return [];
  let [min, max] = [Infinity, -Infinity];
  for (const { first, last } of spans) {
    if (first < min) min = first;
    if (last > max) max = last;
  }
  const column = (key: keyof LabelledSpan) => `{${spans.map((span) => span[key]).join(",")}}`;
  const query: QueryConfig & { query_timeout: number } = {
    text,
    values: [
      column("first"),
      column("last"),
      column("step"),
      column("jobNo"),
      column("label"),
      min,
      max,
      ...more,
    ],
    query_timeout: READ_TIMEOUT_MS,
  };
  return (await pool.query<Row>(query)).rows;
}

/** The rows of each label, in their order. */
export function groupByLabel<Row extends { label: number }>(rows: readonly Row[]): Map<number, Row[]> {
  const groups = new Map<number, Row[]>();
  for (const row of rows) {
    const group = groups.get(row.label);
    if (group === undefined) groups.set(row.label, [row]);
    else group.push(row);
  }
  return groups;
}

const rowsOf = (table: SampleTable) => `
  select label, sample.job_no, slot, location_no, coalesce(name, location_no::text) as location, status, rtt_us, jitter_us,
    lateness_us, sequence_number, recorded_at, error_code, error, phases
  ${ofSpans(table)}
  left join locations using (location_no)`;

const all = (table: SampleTable) => `${rowsOf(table)} order by label, slot, location_no`;

const page = (table: SampleTable) => `${rowsOf(table)}
  where slot < $8 or (slot = $8 and location_no > $9)
  order by slot desc, location_no
  limit $10`;

export interface SampleRow {
  label: number;
  job_no: number;
  slot: number;
  location_no: number;
  location: string;
  status: number;
  rtt_us: number | null;
  jitter_us: number | null;
  lateness_us: number;
  sequence_number: number;
  recorded_at: Date;
  error_code: ErrorCode | null;
  error: string | null;
  phases: Record<string, number> | null;
}

/** The samples of the spans by label, oldest first. */
export function samplesOf(
  pool: Pool,
  spans: readonly LabelledSpan[],
  table: SampleTable = "samples",
): Promise<SampleRow[]> {
  return readSpans(pool, all(table), spans);
}

/** A place in the order of samples: newest slot first, then by location. */
export interface Position {
  slot: number;
  locationNo: number;
}

/** The samples of the spans that come after a position. */
export function samplesAfter(
  pool: Pool,
  spans: readonly LabelledSpan[],
  after: Position,
  limit: number,
  table: SampleTable = "samples",
): Promise<SampleRow[]> {
  return readSpans(pool, page(table), spans, [after.slot, after.locationNo, limit]);
}

const outline = (table: SampleTable) => `
  select label, sample.job_no, slot, location_no, status, rtt_us, jitter_us,
    (extract(epoch from recorded_at) * 1000)::float8 as recorded_at_ms
  ${ofSpans(table)}
  order by label, slot, location_no`;

export interface OutlineRow {
  label: number;
  job_no: number;
  slot: number;
  location_no: number;
  status: number;
  rtt_us: number | null;
  jitter_us: number | null;
  /** A number, because dates are slow to read by the thousand. */
  recorded_at_ms: number;
}

/** What there is of each sample but errors and phases, by label, oldest first. */
export function sampleOutlines(
  pool: Pool,
  spans: readonly LabelledSpan[],
  table: SampleTable = "samples",
): Promise<OutlineRow[]> {
  return readSpans(pool, outline(table), spans);
}

const evaluated = (table: SampleTable) => `
  select label, sample.job_no, slot, location_no, status, rtt_us, jitter_us, sequence_number,
    (phases -> 'certificateDaysLeft')::float8 as certificate_days_left
  ${ofSpans(table)}
  order by label, slot, location_no`;

export interface EvaluatedRow {
  label: number;
  job_no: number;
  slot: number;
  location_no: number;
  status: number;
  rtt_us: number | null;
  jitter_us: number | null;
  sequence_number: number;
  certificate_days_left: number | null;
}

/** What alert rules look at of each sample, by label, oldest first. */
export function evaluatedSamples(
  pool: Pool,
  spans: readonly LabelledSpan[],
  table: SampleTable = "samples",
): Promise<EvaluatedRow[]> {
  return readSpans(pool, evaluated(table), spans);
}

// RTT statistics are of successes: the RTT of a wrong answer tells how fast the target fails. percentile_disc is the
// nearest rank: the smallest RTT that at least so large a part of all RTTs is not above.
const COUNTS_AND_RTT = `
    count(*) as sample_count,
    count(*) filter (where status = 1) as missed_count,
    count(*) filter (where status = 2) as system_error_count,
    (avg(rtt_us) filter (where status = 0))::float8 as avg_rtt_us,
    min(rtt_us) filter (where status = 0) as min_rtt_us,
    max(rtt_us) filter (where status = 0) as max_rtt_us,
    percentile_disc(0.95) within group (order by rtt_us) filter (where status = 0) as p95_rtt_us`;

const BY_LABEL = `select label, ${COUNTS_AND_RTT} ${ofSpans("samples")} group by label`;
const BY_SLOT = `select slot, ${COUNTS_AND_RTT} ${ofSpans("samples")} group by slot`;

export interface Aggregate {
  sample_count: number;
  missed_count: number;
  system_error_count: number;
  avg_rtt_us: number | null;
  min_rtt_us: number | null;
  max_rtt_us: number | null;
  p95_rtt_us: number | null;
}

/** Counts and RTT statistics of the samples of each label; labels without samples are left out. */
export async function aggregateByLabel(
  pool: Pool,
  spans: readonly LabelledSpan[],
): Promise<Map<number, Aggregate>> {
  const rows = await readSpans<Aggregate & { label: number }>(pool, BY_LABEL, spans);
  return new Map(rows.map((row) => [row.label, row]));
}

/** Counts and RTT statistics of the samples of each slot, of which there is one per location. */
export async function aggregateBySlot(
  pool: Pool,
  spans: readonly LabelledSpan[],
): Promise<Map<number, Aggregate>> {
  const rows = await readSpans<Aggregate & { slot: number }>(pool, BY_SLOT, spans);
  return new Map(rows.map((row) => [row.slot, row]));
}

// The RTTs as they are, for adding them up takes Postgres longer than all the rest. `array_to_string` leaves nulls out.
const BULKS = `
  select label, count(*) as samples, count(*) filter (where status = 1) as missed,
    count(*) filter (where status = 2) as system_errors,
    array_to_string(array_agg(rtt_us) filter (where status = 0), ',') as rtts_us,
    count(jitter_us) as jitters, sum(jitter_us) as jitter_sum_us, max(jitter_us) as jitter_max_us
  ${ofSpans("samples")}
  group by label`;

/** What rollups need of the samples of each label; labels without samples are left out. */
export async function bulksOf(
  pool: Pool,
  spans: readonly LabelledSpan[],
): Promise<(Bulk & { label: number })[]> {
  const rows = await readSpans<BulkRow>(pool, BULKS, spans);
  return rows.map(({ label, rtts_us, ...row }) => ({
    label,
    samples: row.samples,
    missed: row.missed,
    systemErrors: row.system_errors,
    rttsUs: toIntegers(rtts_us ?? ""),
    jitters: row.jitters,
    jitterSumUs: row.jitter_sum_us ?? 0,
    jitterMaxUs: row.jitter_max_us ?? -Infinity,
  }));
}

interface BulkRow {
  label: number;
  samples: number;
  missed: number;
  system_errors: number;
  rtts_us: string | null;
  jitters: number;
  jitter_sum_us: number | null;
  jitter_max_us: number | null;
}

const SUMMARY = `
  select ${COUNTS_AND_RTT},
    percentile_disc(array[0.5, 0.99]) within group (order by rtt_us) filter (where status = 0) as p50_p99_rtt_us,
    (stddev_pop(rtt_us) filter (where status = 0))::float8 as stddev_rtt_us,
    avg(jitter_us)::float8 as avg_jitter_us,
    max(jitter_us) as max_jitter_us
  ${ofSpans("samples")}`;

export interface SummaryRow extends Aggregate {
  p50_p99_rtt_us: [number, number] | null;
  stddev_rtt_us: number | null;
  avg_jitter_us: number | null;
  max_jitter_us: number | null;
}

/** Statistics of all samples of the spans; null without spans. */
export async function aggregateAll(pool: Pool, spans: readonly LabelledSpan[]): Promise<SummaryRow | null> {
  const [row] = await readSpans<SummaryRow>(pool, SUMMARY, spans);
  return row ?? null;
}

// Served by the primary key (job_no, from_slot).
const NEWEST_GRIDS = `
  select job_no, from_slot as "fromSlot", to_slot as "toSlot", cadence_ms as "cadenceMs",
    first_sequence as "firstSequence", location_count as "locationCount"
  from unnest($1::integer[]) as wanted (wanted_no)
  cross join lateral (
    select * from job_grids where job_no = wanted_no order by from_slot desc limit $2
  ) as newest
  order by job_no, from_slot`;

/** The newest grids of each job, oldest first. */
export async function newestGrids(
  pool: Pool,
  jobNos: readonly number[],
  count: number,
): Promise<Map<number, LocatedGrid[]>> {
  const { rows } = await pool.query<LocatedGrid & { job_no: number }>(NEWEST_GRIDS, [jobNos, count]);
  const gridsOf = new Map<number, LocatedGrid[]>(jobNos.map((jobNo) => [jobNo, []]));
  for (const { job_no, ...grid } of rows) gridsOf.get(job_no)?.push(grid);
  return gridsOf;
}

/** What changes whenever the row of a job does, by id; jobs that are gone are left out. Served by the primary key. */
export async function jobRevisions(pool: Pool, ids: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await pool.query<{ id: string; revision: string }>(
    "select id, changed_xid::text as revision from jobs where id = any($1::uuid[])",
    [ids],
  );
  return new Map(rows.map((row) => [row.id, row.revision]));
}

// Served by the primary key (job_no, hour_slot, location_no).
const STRAYS = `
  select coalesce(sum(duplicate_count), 0)::bigint as duplicates, coalesce(sum(late_count), 0)::bigint as late
  from stray_replies where job_no = $1 and hour_slot >= $2 and hour_slot < $3`;

/** Stray replies of the hours that begin in [from, to). */
export async function countStrays(
  pool: Pool,
  jobNo: number,
  from: number,
  to: number,
): Promise<{ duplicates: number; late: number }> {
  const { rows } = await pool.query<{ duplicates: number; late: number }>(STRAYS, [jobNo, from, to]);
  return rows[0] ?? { duplicates: 0, late: 0 };
}
