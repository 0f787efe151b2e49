// What Postgres does with reads of chunks (P9): only the days of the window, and these only by their index.
import type { Pool, QueryConfig } from "pg";
import { expect, test } from "vitest";
import { createWorld } from "../../../../test/samples.js";
import { chunkPartitionName, ensureChunkDay } from "./chunk-days.js";
import { chunksOf, DAY_MS } from "./queries.js";

const START = Date.UTC(2026, 10, 1);
const HOUR_MS = 3_600_000;

test.each([
  ["with statistics", true],
  ["without statistics", false],
])("chunks are looked up in the days of the window by their index, %s", async (_, analyzed) => {
  await using world = await createWorld();
  const { pool } = world.database;
  const days = [0, 1, 2, 3].map((index) => START + index * DAY_MS);
  for (const day of days) {
    await ensureChunkDay(pool, day);
    await pool.query(`alter table ${chunkPartitionName(day)} set (autovacuum_enabled = false)`);
  }
  await pool.query("alter table interim_chunks set (autovacuum_enabled = false)");
  for (const table of ["sample_chunks", "interim_chunks"]) {
    await pool.query(
      `insert into ${table} (first_slot, last_slot, first_sequence, rtt_sum_us, job_no, step_ms, location_no,
         sample_count, missed_count, system_error_count, measures, details)
       select slot, slot + 3599999, 0, 0, job_no, 10000, location_no, 360, 0, 0, repeat('x', 900)::bytea, ''
       from generate_series($1::bigint, $2::bigint, 3600000) as slot, generate_series(1, 50) as job_no,
         generate_series(1, 2) as location_no`,
      [START, START + 4 * DAY_MS - 1],
    );
  }
  if (analyzed) await pool.query("analyze sample_chunks, interim_chunks");

  const queries: QueryConfig[] = [];
  const recorder = {
    query: (query: QueryConfig) => {
      queries.push(query);
      return pool.query(query);
    },
  } as unknown as Pool;
  const range = { first: START + DAY_MS + 20 * HOUR_MS, last: START + 2 * DAY_MS + 2 * HOUR_MS - 1 };
  const chunks = await chunksOf(recorder, [
    { jobNo: 7, ...range },
    { jobNo: 9, ...range },
  ]);
  // Of two jobs, at two locations, in two tables: six hours.
  expect(chunks).toHaveLength(2 * 2 * 2 * 6);

  const [query] = queries;
  const { rows } = await pool.query<{ "QUERY PLAN": string }>({
    ...query,
    text: `explain (costs off) ${query?.text}`,
  });
  const scans = rows
    .map((row) => row["QUERY PLAN"])
    .filter((line) => / on (sample|interim)_chunks/.test(line));
  const found = scans.map((line) => /(.*) using .* on (\w+)/.exec(line.replace("->", "").trim())?.slice(1));
  expect(found).toEqual([
    ["Index Scan", chunkPartitionName(START + DAY_MS)],
    ["Index Scan", chunkPartitionName(START + 2 * DAY_MS)],
    ["Index Scan", "interim_chunks"],
  ]);
});
