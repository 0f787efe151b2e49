// What ageing makes of samples: bytes per sample in Postgres, samples rolled up and packed per second in one pass over an
// hour each, and how fast chunks are read. Jobs at a cadence of ten seconds, RTTs of 20 ms ± 2 ms in microseconds with spikes, lateness of a
// millisecond or so, losses that come in bursts, gaps. Also runs by itself: `node bench/chunks.mjs [--quick]`.
import { randomUUID } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const HOUR_MS = 3_600_000;
const CADENCE_MS = 10_000;
const JOBS = 3_000;
const QUICK_JOBS = 300;
const BATCH = 20_000;
const DECODE_ROUNDS = 20;
const READS = 200;
const QUICK_READS = 50;

export async function run({ quick = false } = {}) {
  const { startEmbeddedPostgres } = await load("platform/embedded-postgres/index.js");
  const { createLogger } = await load("platform/log.js");
  const { migrate } = await load("platform/migrate.js");
  const { openDatabase } = await load("platform/db.js");
  const folder = await mkdtemp(join(tmpdir(), "nightbell-bench-"));
  await chmod(folder, 0o711); // Root starts Postgres as another user.
  const log = createLogger("error", "bench");
  const postgres = await startEmbeddedPostgres({ dataDir: join(folder, "data"), log });
  const database = openDatabase(postgres.url, { poolSize: 4, applicationName: "bench" });
  try {
    await migrate(postgres.url, { log });
    const hour = (Math.floor(Date.now() / HOUR_MS) - 3) * HOUR_MS;
    const jobCount = quick ? QUICK_JOBS : JOBS;
    await addJobs(database, jobCount);
    const count = await storeHour(database, jobCount, hour);
    const rawBytes = await sizeOf(database, "samples_%");
    const rollupSeconds = await rollUp(database, hour);
    const fineBytes = await sizeOf(database, "rollups_5m_%");
    const hourlyBytes = await sizeOf(database, "rollups_1h_%");
    const seconds = await pack({ database, log });
    const bytes = await sizeOf(database, "sample_chunks_2%");
    const decoded = await decodeAll(database);
    const p95 = await readPages(database, jobCount, hour, quick ? QUICK_READS : READS);
    const of = `${count.toLocaleString("en")} samples of ${jobCount} jobs`;
    return [
      row(
        "bytes per sample after ageing",
        round(bytes / count, 2),
        "B",
        "≤ 4",
        bytes / count <= 4,
        `row and index included, ${of}; ${round(rawBytes / count, 0)} B before: ${round(100 * (1 - bytes / rawBytes), 1)} % less`,
      ),
      row(
        "bytes per sample of rollups",
        round((fineBytes + hourlyBytes) / count, 2),
        "B",
        "≤ 25 (80 % less than raw)",
        (fineBytes + hourlyBytes) / count <= 25,
        `5 min ${round(fineBytes / count, 2)}, 1 h ${round(hourlyBytes / count, 2)}, histograms, rows and index included`,
      ),
      row(
        "samples rolled up per second",
        Math.round(count / rollupSeconds),
        "samples/s",
        "≥ 100,000",
        count / rollupSeconds >= 100_000,
        `5 min and 1 h, one statement over an hour, ${of}`,
      ),
      row(
        "samples packed per second",
        Math.round(count / seconds),
        "samples/s",
        "≥ 100,000",
        count / seconds >= 100_000,
        `one pass over an hour, ${of}`,
      ),
      row(
        "samples decoded per second",
        Math.round(decoded),
        "samples/s",
        "≥ 10,000,000",
        decoded >= 10_000_000,
        "slots, status, RTT and jitter; one core, by its CPU time",
      ),
      row("500 samples of one job from chunks, p95", round(p95, 1), "ms", "≤ 20 ms", p95 <= 20, of),
    ];
  } finally {
    await database.close();
    await postgres.stop();
    await rm(folder, { recursive: true });
  }
}

function row(name, value, unit, budget, ok, note) {
  return { name, value, unit, budget, ok, note };
}

function round(value, digits) {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}

async function addJobs({ pool }, count) {
  const organisationId = randomUUID();
  await pool.query("insert into organisations (id, name) values ($1, 'Bench')", [organisationId]);
  await pool.query(
    `insert into jobs (id, organisation_id, title, type, target, options, cadence_ms, monitoring_mode, simulation,
       locations, thresholds, status)
     select gen_random_uuid(), $1, 'Bench', 'icmp', '127.0.0.1', '{}', $2, 'real_polling', '{}', '{default}', '{}', 'running'
     from generate_series(1, $3)`,
    [organisationId, CADENCE_MS, count],
  );
}

/** Stores an hour in the order of its slots, as pollers do; returns how many samples there are. */
async function storeHour(database, jobCount, hour) {
  const { storeBatch } = await load("features/samples/store.js");
  const targets = Array.from({ length: jobCount }, (_, index) => simulate(1 + index, hour));
  const now = Date.now();
  let [batch, count] = [[], 0];
  const flush = async () => {
    count += (await storeBatch(database, { samples: batch, strays: [] }, now)).stored.length;
    batch = [];
  };
  for (let slot = 0; slot < HOUR_MS / CADENCE_MS; slot += 1) {
    for (const target of targets) {
      const sample = target(slot);
      if (sample !== null && batch.push(sample) >= BATCH) await flush();
    }
  }
  await flush();
  return count;
}

/** A target by its slots: mostly answers, now and then a burst of losses, a spike, a slot that nobody probed. */
function simulate(jobNo, hour) {
  const random = mulberry32(jobNo);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const phase = (jobNo * 7_919) % CADENCE_MS;
  let [burst, previous] = [0, null];
  return (index) => {
    if (random() < 0.002) return null;
    if (burst > 0) burst -= 1;
    else if (random() < 0.003) burst = 2 + Math.floor(random() * 8);
    const isLost = burst > 0 ? random() < 0.8 : random() < 0.002;
    const spike = random() < 0.01 ? random() * 80_000 : 0;
    const rttUs = isLost ? null : Math.max(Math.round(20_000 + 2_000 * normal() + spike), 50);
    const latenessUs = Math.round(100 + 800 * Math.abs(normal()) + (random() < 0.01 ? random() * 40_000 : 0));
    const slot = hour + phase + index * CADENCE_MS;
    const sample = {
      slot,
      jobNo,
      locationNo: 1,
      status: isLost ? 1 : 0,
      rttUs,
      jitterUs: rttUs === null || previous === null ? null : Math.abs(rttUs - previous),
      latenessUs,
      sequenceNumber: hour / CADENCE_MS + index,
      recordedAtMs: Math.floor(slot + latenessUs / 1_000 + (rttUs ?? 5_000_000) / 1_000 + random() * 2),
      errorCode: isLost ? "timeout" : null,
      error: isLost ? "no answer from 192.0.2.1 within 5000 ms" : null,
      phases: null,
    };
    previous = rttUs ?? previous;
    return sample;
  };
}

/** Seconds that the rollups of an hour take. */
async function rollUp({ pool }, hour) {
  const { buildHour } = await load("features/samples/rollups/build.js");
  const startedAt = performance.now();
  await buildHour(pool, hour);
  return (performance.now() - startedAt) / 1_000;
}

/** Seconds that one turn of the scheduler's task takes. */
async function pack({ database: { url, pool, db }, log }) {
  const { ageSamples } = await load("features/samples/chunks/chunker.js");
  const { chunkerMetrics } = await load("features/samples/chunks/chunker-metrics.js");
  const { systemClock } = await load("platform/clock.js");
  const { Registry } = await import("prom-client");
  const startedAt = performance.now();
  await ageSamples({
    url,
    pool,
    db,
    clock: systemClock,
    log,
    metrics: chunkerMetrics(new Registry()),
    config: { RAW_RETENTION_HOURS: 0, CHUNK_RETENTION_DAYS: 400 },
    signal: new AbortController().signal,
  });
  return (performance.now() - startedAt) / 1_000;
}

/** Of the tables that look like this, with their indexes. */
async function sizeOf({ pool }, pattern) {
  const { rows } = await pool.query(
    "select sum(pg_total_relation_size(oid))::float8 as bytes from pg_class where relkind = 'r' and relname like $1",
    [pattern],
  );
  return rows[0].bytes;
}

/** Samples per second of CPU time. */
async function decodeAll({ pool }) {
  const { decodeMeasures } = await load("features/samples/chunks/codec.js");
  const { rows } = await pool.query(
    `select job_no as "jobNo", location_no as "locationNo", first_slot as "firstSlot", step_ms as "stepMs",
       first_sequence as "firstSequence", sample_count as "sampleCount", measures from sample_chunks limit 300`,
  );
  const samples = rows.reduce((sum, chunk) => sum + chunk.sampleCount, 0);
  let best = 0;
  for (let round = 0; round < DECODE_ROUNDS; round += 1) {
    const before = process.cpuUsage();
    for (const chunk of rows) decodeMeasures(chunk);
    const { user, system } = process.cpuUsage(before);
    best = Math.max(best, samples / ((user + system) / 1e6));
  }
  return best;
}

async function readPages(database, jobCount, hour, count) {
  const { readPage } = await load("features/samples/page.js");
  const times = [];
  for (let index = 0; index < count + 10; index += 1) {
    const jobNo = 1 + Math.floor(Math.random() * jobCount);
    const fromSlot = hour + ((jobNo * 7_919) % CADENCE_MS);
    const toSlot = hour + HOUR_MS;
    const grids = [{ fromSlot, toSlot, cadenceMs: CADENCE_MS, firstSequence: 0, locationCount: 1 }];
    const job = { id: randomUUID(), jobNo, grids, locationCount: 1, timeoutMs: 5_000 };
    const startedAt = performance.now();
    const { data } = await readPage(database, job, { limit: 500 }, Date.now());
    // The first ones warm up.
    if (index >= 10) times.push(performance.now() - startedAt);
    if (data.length < 300) throw new Error(`${data.length} samples`);
  }
  return times.sort((a, b) => a - b)[Math.ceil(times.length * 0.95) - 1];
}

/** Small and reproducible (mulberry32, Tommy Ettinger, public domain). */
function mulberry32(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function load(path) {
  return import(new URL(`../packages/server/dist/${path}`, import.meta.url).href);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  console.table(await run({ quick: process.argv.includes("--quick") }));
}
