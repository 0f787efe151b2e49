// What Postgres does with the reads (P9): only the partitions of the window, and these only by their index.
import type { Pool, QueryConfig } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
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
const HOURS = 6;
const JOB = 50;
const hours = Array.from({ length: HOURS }, (_, index) => START + index * HOUR_MS);

let world: World;
beforeAll(async () => {
  world = await createWorld();
  await ensureHours(world.database.db, hours);
  // 100 jobs at a cadence of ten seconds.
  await world.database.pool.query(
    `insert into samples (slot, job_no, location_no, status, rtt_us, lateness_us, sequence_number, recorded_at)
     select slot, job_no, 1, 0, 1000, 0, 0, now()
     from generate_series($1::bigint, $2::bigint, 10000) as slot, generate_series(1, 100) as job_no`,
    [START, START + HOURS * HOUR_MS - 1],
  );
  await world.database.pool.query("analyze samples");
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const grid = { fromSlot: START, toSlot: null, cadenceMs: 10_000, firstSequence: 0 };
const spans = spansBetween([grid], START + 1.5 * HOUR_MS, START + 2.5 * HOUR_MS, new Set(hours)).map(
  (span) => ({
    ...span,
    jobNo: JOB,
    label: 0,
  }),
);

test.each([
  ["a page", (pool: Pool) => samplesAfter(pool, spans, { slot: START + 3 * HOUR_MS, locationNo: 0 }, 500)],
  ["live samples", (pool: Pool) => samplesOf(pool, spans)],
  ["the last of many jobs", (pool: Pool) => sampleOutlines(pool, spans)],
  ["a series", (pool: Pool) => aggregateByLabel(pool, spans)],
  ["a series of single slots", (pool: Pool) => aggregateBySlot(pool, spans)],
  ["a summary", (pool: Pool) => aggregateAll(pool, spans)],
])("%s reads the partitions of its window by their index", async (_, read) => {
  const { lines, rows } = await explain(read);
  const scans = lines.filter((line) => / on samples_\d+/.test(line));
  const partitions = new Set(scans.map((line) => / on (samples_\d+)/.exec(line)?.[1]));
  expect(partitions).toEqual(new Set([1, 2].map((index) => partitionName(START + index * HOUR_MS))));
  expect(scans.filter((line) => !/Index (Only )?Scan/.test(line))).toEqual([]);
  expect(rows).toBe(360);
});

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
