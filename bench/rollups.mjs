// How long a chart and the statistics of 30 days of a job at a cadence of a second take: 2.6 million samples, of which the
// rollups are there, and those at the ends of the window that no rollup tells of. Also runs by itself:
// `node bench/rollups.mjs [--quick]`.
import { randomUUID } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const CADENCE_MS = 1_000;
const DAYS = 30;
/** Of other jobs, so that the rows of one lie apart. */
const OTHER_JOBS = 50;
const READS = 200;
const QUICK_READS = 50;

export async function run({ quick = false } = {}) {
  const { startEmbeddedPostgres } = await load("platform/embedded-postgres/index.js");
  const { createLogger } = await load("platform/log.js");
  const { migrate } = await load("platform/migrate.js");
  const { openDatabase } = await load("platform/db.js");
  const { readSeries } = await load("features/samples/series.js");
  const { readSummary } = await load("features/samples/summary.js");
  const folder = await mkdtemp(join(tmpdir(), "nightbell-bench-"));
  await chmod(folder, 0o711); // Root starts Postgres as another user.
  const log = createLogger("error", "bench");
  const postgres = await startEmbeddedPostgres({ dataDir: join(folder, "data"), log });
  const database = openDatabase(postgres.url, { poolSize: 4, applicationName: "bench" });
  try {
    await migrate(postgres.url, { log });
    const now = Math.floor(Date.now() / HOUR_MS) * HOUR_MS + HOUR_MS / 2;
    const job = await fill(database, now);
    const query = { from: new Date(now - DAYS * DAY_MS).toISOString(), to: new Date(now).toISOString() };
    const expected = (DAYS * DAY_MS) / CADENCE_MS;
    const reads = quick ? QUICK_READS : READS;
    const series = await p95(reads, async () => {
      const { points } = await readSeries(database, job, { ...query, points: 500 }, now);
      check(
        points.reduce((sum, point) => sum + point.sampleCount, 0),
        expected,
      );
    });
    const summary = await p95(reads, async () => {
      const { sampleCount } = await readSummary(database, job, query, now);
      check(sampleCount, expected);
    });
    const of = `${expected.toLocaleString("en")} samples, ends of the window from raw samples included`;
    return [
      row("series over 30 days of a 1 s job, p95", series, "≤ 50 ms", series <= 50, of),
      row("summary over 30 days of a 1 s job, p95", summary, "≤ 20 ms", summary <= 20, of),
    ];
  } finally {
    await database.close();
    await postgres.stop();
    await rm(folder, { recursive: true });
  }
}

function row(name, value, budget, ok, note) {
  return { name, value: Math.round(value * 10) / 10, unit: "ms", budget, ok, note };
}

function check(found, expected) {
  if (found !== expected) throw new Error(`${found} samples instead of ${expected}`);
}

async function p95(count, read) {
  const times = [];
  for (let index = 0; index < count + 10; index += 1) {
    const startedAt = performance.now();
    await read();
    // The first ones warm up.
    if (index >= 10) times.push(performance.now() - startedAt);
  }
  return times.sort((a, b) => a - b)[Math.ceil(times.length * 0.95) - 1];
}

/**
 * Samples of the first and the last hour and of one before, and the rollups of that one for all hours between, of every job.
 * Returns the first job.
 */
async function fill({ pool, db }, now) {
  const { ensureHours, hourOf } = await load("features/samples/partitions.js");
  const organisationId = randomUUID();
  await pool.query("insert into organisations (id, name) values ($1, 'Bench')", [organisationId]);
  await pool.query(
    `insert into jobs (id, organisation_id, title, type, target, options, cadence_ms, monitoring_mode, simulation,
       locations, thresholds, status)
     select gen_random_uuid(), $1, 'Bench', 'icmp', '127.0.0.1', '{}', $2, 'real_polling', '{}', '{default}', '{}', 'running'
     from generate_series(1, $3)`,
    [organisationId, CADENCE_MS, 1 + OTHER_JOBS],
  );
  const start = now - DAYS * DAY_MS;
  const [first, last] = [hourOf(start), hourOf(now)];
  await ensureHours(db, [first, last - HOUR_MS, last]);
  // RTTs of 20 ms and some, losses of 1 %.
  const store = (hour, jobs) =>
    pool.query(
      `insert into samples (slot, job_no, location_no, status, rtt_us, jitter_us, lateness_us, sequence_number, recorded_at)
       select slot, job_no, 1, (noise > 0.99)::integer,
         case when noise <= 0.99 then 18000 + (4000 * random_normal(0.5, 0.25))::integer end, 700, 200, slot / 1000, now()
       from (
         select slot, job_no, random() as noise
         from generate_series($1::bigint, $2::bigint, $3::bigint) as slot, generate_series(1, $4) as job_no) as sample`,
      [hour, hour + HOUR_MS - CADENCE_MS, CADENCE_MS, jobs],
    );
  await store(first, 1);
  await store(last - HOUR_MS, 1 + OTHER_JOBS);
  await store(last, 1);
  for (let hour = first; hour < last; hour += DAY_MS)
    await pool.query("select ensure_rollup_partitions($1)", [hour]);
  await pool.query("select ensure_rollup_partitions($1), write_rollups($1)", [last - HOUR_MS]);
  for (let hour = first; hour < last - HOUR_MS; hour += HOUR_MS) {
    await pool.query(
      `insert into rollups_1h select $1, job_no, location_no, buckets from rollups_1h where from_slot = $2`,
      [hour, last - HOUR_MS],
    );
  }
  await pool.query(
    `insert into rollup_hours (hour_slot, built_version)
     select hour, 0 from generate_series($1::bigint, $2::bigint, $3::bigint) as hour`,
    [first, last - HOUR_MS, HOUR_MS],
  );
  for (let day = Math.ceil(first / DAY_MS) * DAY_MS; day + DAY_MS <= last; day += DAY_MS) {
    await pool.query("select write_day_rollups($1)", [day]);
    await pool.query("insert into rollup_days (day_slot, is_due, is_built) values ($1, false, true)", [day]);
  }
  await pool.query("vacuum analyze");
  const grids = [
    { fromSlot: first, toSlot: null, cadenceMs: CADENCE_MS, firstSequence: 0, locationCount: 1 },
  ];
  return { id: randomUUID(), jobNo: 1, grids, locationCount: 1, timeoutMs: 0 };
}

function load(path) {
  return import(new URL(`../packages/server/dist/${path}`, import.meta.url).href);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  console.table(await run({ quick: process.argv.includes("--quick") }));
}
