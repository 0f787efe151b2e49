// What Postgres does with the reads (P9): only the partitions of the window, and these only by their index.
import type { Pool, QueryConfig } from "pg";
import { afterEach, expect, test } from "vitest";
import { createWorld, type World } from "../../../test/samples.js";
import { ensureHours, partitionName } from "./partitions.js";
import {
  aggregateAll,
  aggregateByLabel,
  aggregateBySlot,
  sampleOutlines,
  samplesAfter,
  samplesOf,
} from "./queries.js";
import { HOUR_MS } from "./sample.js";
import { spansBetween } from "./slots.js";

const START = Date.UTC(2026, 10, 1);
const HOURS = 4;
const JOB = 50;
const hours = Array.from({ length: HOURS }, (_, index) => START + index * HOUR_MS);

let world: World;
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

/** 100 jobs at a cadence of ten seconds; a partition has no statistics until autovacuum comes by. */
async function fill({ analyzed }: { analyzed: boolean }): Promise<void> {
  world = await createWorld();
  const { db, pool } = world.database;
  await ensureHours(db, hours);
  for (const hour of hours) {
    await pool.query(`alter table ${partitionName(hour)} set (autovacuum_enabled = false)`);
  }
  await pool.query(
    `insert into samples (slot, job_no, location_no, status, rtt_us, lateness_us, sequence_number, recorded_at)
     select slot, job_no, 1, 0, 1000, 0, 0, now()
     from generate_series($1::bigint, $2::bigint, 10000) as slot, generate_series(1, 100) as job_no`,
    [START, START + HOURS * HOUR_MS - 1],
  );
  if (analyzed) await pool.query("analyze samples");
}

const grid = { fromSlot: START, toSlot: null, cadenceMs: 10_000, firstSequence: 0 };
const spans = spansBetween([grid], START + 1.5 * HOUR_MS, START + 2.5 * HOUR_MS, new Set(hours)).map(
  (span) => ({
    ...span,
    jobNo: JOB,
    label: 0,
  }),
);

/** As a chart of many points cuts its window. */
const manySpans = spans.flatMap(({ first, last, step, jobNo }) =>
  Array.from({ length: (last - first) / step + 1 }, (_, index) => {
    const slot = first + index * step;
    return { first: slot, last: slot, step, jobNo, label: index };
  }),
);

const reads: [name: string, read: (pool: Pool) => Promise<unknown>][] = [
  ["a page", (pool) => samplesAfter(pool, spans, { slot: START + 3 * HOUR_MS, locationNo: 0 }, 500)],
  ["live samples", (pool) => samplesOf(pool, spans)],
  ["the last of many jobs", (pool) => sampleOutlines(pool, spans)],
  ["a series", (pool) => aggregateByLabel(pool, manySpans)],
  ["a series of single slots", (pool) => aggregateBySlot(pool, spans)],
  ["a summary", (pool) => aggregateAll(pool, spans)],
];

test.each([
  ["with statistics", true],
  ["without statistics", false],
])(
  "every read looks its slots up in the partitions of its window by their index, %s",
  async (_, analyzed) => {
    await fill({ analyzed });
    const window = new Set([1, 2].map((index) => partitionName(START + index * HOUR_MS)));
    for (const [name, read] of reads) {
      const { lines, rows } = await explain(read);
      const scans = lines.filter((line) => / on samples_\d+/.test(line));
      const partitions = new Set(scans.map((line) => / on (samples_\d+)/.exec(line)?.[1]));
      const others = scans.filter((line) => !line.includes("Index Scan using"));
      // And nothing is read that is not asked for.
      expect({ name, partitions, others, rows }).toEqual({ name, partitions: window, others: [], rows: 360 });
    }
  },
);

/** The plan of a read, and how many samples it found. */
async function explain(read: (pool: Pool) => Promise<unknown>): Promise<{ lines: string[]; rows: number }> {
  const { pool } = world.database;
  const queries: QueryConfig[] = [];
  const recorder = {
    query: (query: QueryConfig) => {
      queries.push(query);
      return pool.query(query);
    },
  };
  await read(recorder as unknown as Pool);
  const [query] = queries;
  const { rows } = await pool.query<{ "QUERY PLAN": string }>({
    ...query,
    text: `explain (analyze, costs off, timing off, summary off) ${query?.text}`,
  });
  const lines = rows.map((row) => row["QUERY PLAN"]);
  const found = lines
    .filter((line) => / on samples_\d+/.test(line))
    .map((line) => /rows=([\d.]+) loops=(\d+)/.exec(line))
    .map((match) => Math.round(Number(match?.[1] ?? 0) * Number(match?.[2] ?? 0)));
  return { lines, rows: found.reduce((sum, count) => sum + count, 0) };
}
