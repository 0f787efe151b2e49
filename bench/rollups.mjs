// How long charts and statistics of a job at a cadence of a second take, over an hour to thirty days (2.6 million samples):
// told by rollups, at the window's ends by samples, from a chunk and from 59 minutes of an hour that has no rollups yet.
// Also runs by itself: `node bench/rollups.mjs [--quick]`.
import { randomUUID } from "node:crypto";
import { pathToFileURL } from "node:url";
import { pack } from "./history/ageing.mjs";
import { load, startServer } from "./shared/postgres.mjs";
import { addJobs } from "./history/targets.mjs";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const CADENCE_MS = 1_000;
const DAYS = 30;
/** The newest hours are raw, as by default. */
const RAW_HOURS = 24;
/** Of other jobs, so that the rows of one lie apart. */
const OTHER_JOBS = 20;
const READS = 200;
const QUICK_READS = 50;

export async function run({ quick = false } = {}) {
  const { readSeries } = await load("features/samples/series.js");
  const { readSummary } = await load("features/samples/summary.js");
  const server = await startServer();
  try {
    const database = await server.open("rollups");
    // The last minute of an hour is when most of it is in no rollup.
    const now = Math.floor(Date.now() / HOUR_MS) * HOUR_MS + 59 * MINUTE_MS;
    const job = await fill(database, server.log, now);
    const reads = quick ? QUICK_READS : READS;
    const over = async (name, spanMs, budgetMs, read) => {
      // Twenty-eight minutes more, so that no end lies on an hour or on five minutes.
      const from = now - spanMs - 28 * MINUTE_MS;
      const query = { from: new Date(from).toISOString(), to: new Date(now).toISOString() };
      const expected = (now - from) / CADENCE_MS;
      const [p50, p95] = await percentiles(reads, async () => check(await read(query), expected));
      return row(`${name} of a 1 s job, p95`, p95, `≤ ${budgetMs} ms`, p95 <= budgetMs, expected, p50);
    };
    const series = (name, spanMs, budgetMs) =>
      over(`series over ${name}`, spanMs, budgetMs, async (query) => {
        const { points } = await readSeries(database, job, { ...query, points: 500 }, now);
        return points.reduce((sum, point) => sum + point.sampleCount, 0);
      });
    const summary = (name, spanMs, budgetMs) =>
      over(`summary over ${name}`, spanMs, budgetMs, async (query) => {
        const { sampleCount } = await readSummary(database, job, query, now);
        return sampleCount;
      });
    return [
      await series("30 days", 30 * DAY_MS, 50),
      await series("7 days", 7 * DAY_MS, 100),
      await series("a day", DAY_MS, 100),
      await series("an hour", HOUR_MS, 50),
      await summary("30 days", 30 * DAY_MS, 20),
      await summary("a day", DAY_MS, 20),
    ];
  } finally {
    await server.close();
  }
}

function row(name, value, budget, ok, count, p50) {
  const note = `${count.toLocaleString("en")} samples; p50 ${round(p50)} ms`;
  return { name, value: round(value), unit: "ms", budget, ok, note };
}

function round(value) {
  return Math.round(value * 10) / 10;
}

function check(found, expected) {
  if (found !== expected) throw new Error(`${found} samples instead of ${expected}`);
}

async function percentiles(count, read) {
  const times = [];
  for (let index = 0; index < count + 10; index += 1) {
    const startedAt = performance.now();
    await read();
    // The first ones warm up.
    if (index >= 10) times.push(performance.now() - startedAt);
  }
  times.sort((a, b) => a - b);
  return [0.5, 0.95].map((share) => times[Math.ceil(times.length * share) - 1]);
}

/**
 * Raw samples of the newest hours, chunks of those in which older windows begin, and the rollups of one hour for all hours, of every job.
 * Returns the first job.
 */
async function fill(database, log, now) {
  const { pool, db } = database;
  const { ensureHours, hourOf } = await load("features/samples/partitions.js");
  await addJobs(database, 1 + OTHER_JOBS, CADENCE_MS);
  const last = hourOf(now);
  const first = last - DAYS * DAY_MS;
  const firstRaw = last - (RAW_HOURS + 1) * HOUR_MS;
  const raw = Array.from({ length: RAW_HOURS + 2 }, (_, index) => firstRaw + index * HOUR_MS);
  const packed = [first, last - 7 * DAY_MS];
  await ensureHours(db, [...packed, ...raw]);
  // RTTs of 20 ms and some, losses of 1 %.
  for (const hour of [...packed, ...raw]) {
    await pool.query(
      `insert into samples (slot, job_no, location_no, status, rtt_us, jitter_us, lateness_us, sequence_number, recorded_at)
       select slot, job_no, 1, (noise > 0.99)::integer,
         case when noise <= 0.99 then 18000 + (4000 * random_normal(0.5, 0.25))::integer end, 700, 200, slot / 1000, now()
       from (
         select slot, job_no, random() as noise
         from generate_series($1::bigint, $2::bigint, $3::bigint) as slot, generate_series(1, $4) as job_no) as sample`,
      [hour, Math.min(hour + HOUR_MS, now) - CADENCE_MS, CADENCE_MS, 1 + OTHER_JOBS],
    );
  }
  await pack(database, { log, now, rawHours: RAW_HOURS + 1 });
  const model = last - HOUR_MS;
  for (let hour = first; hour < last; hour += DAY_MS)
    await pool.query("select ensure_rollup_partitions($1)", [hour]);
  await pool.query("select ensure_rollup_partitions($1), write_rollups($1)", [model]);
  for (const table of ["rollups_5m", "rollups_1h"]) {
    await pool.query(
      `insert into ${table}
       select hour, job_no, location_no, buckets
       from ${table}, generate_series($1::bigint, $2::bigint, $3::bigint) as hour where from_slot = $4
       on conflict do nothing`,
      [first, model - HOUR_MS, HOUR_MS, model],
    );
  }
  await pool.query(
    `insert into rollup_hours (hour_slot, built_version)
     select hour, 0 from generate_series($1::bigint, $2::bigint, $3::bigint) as hour on conflict do nothing`,
    [first, model, HOUR_MS],
  );
  for (let day = Math.ceil(first / DAY_MS) * DAY_MS; day + DAY_MS <= last; day += DAY_MS) {
    await pool.query("select write_day_rollups($1)", [day]);
    await pool.query(
      `insert into rollup_days (day_slot, is_due, is_built) values ($1, false, true)
       on conflict (day_slot) do update set is_due = false, is_built = true`,
      [day],
    );
  }
  await pool.query("vacuum analyze");
  const grids = [
    { fromSlot: first, toSlot: null, cadenceMs: CADENCE_MS, firstSequence: 0, locationCount: 1 },
  ];
  return { id: randomUUID(), jobNo: 1, grids, locationCount: 1, timeoutMs: 0 };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  console.table(await run({ quick: process.argv.includes("--quick") }));
}
