// Alert rules at 10,000 samples a second: what evaluating three rules a job costs, and how soon after a sample is stored
// the alert that follows from it is raised, with the embedded database. Also runs by itself:
// `node bench/alerts.mjs [--quick]`.
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import pg from "pg";
import { load, startServer } from "./shared/postgres.mjs";

const JOBS = 10_000;
const QUICK_JOBS = 2_000;
const CADENCE_MS = 1_000;
/** Rounds of one sample a job: evaluated as fast as possible, and in real time. */
const ROUNDS = 300;
const SECONDS = 30;
const QUICK_SECONDS = 10;
/** Jobs that fail in each second of the second part. */
const FAILING = 20;

const conditions = [
  { kind: "missed", missed: 3, of: 3, recovery: { successes: 2 } },
  {
    kind: "loss",
    abovePercent: 20,
    windowSeconds: 300,
    minSamples: 20,
    recovery: { atMostPercent: 5, holdSeconds: 60 },
  },
  {
    kind: "latency",
    measure: "rtt",
    statistic: "p95",
    aboveMs: 200,
    windowSeconds: 300,
    minSamples: 20,
    recovery: { atMostMs: null, holdSeconds: 0 },
  },
];

export async function run({ quick = false } = {}) {
  const server = await startServer({ poolSize: 6 });
  const { log, folder } = server;
  try {
    const database = await server.open("alerts");
    const jobCount = quick ? QUICK_JOBS : JOBS;
    await addJobs(database, jobCount);
    const cost = await measureCost({ database, log, jobCount });
    const delays = await measureDelay({
      database,
      log,
      jobCount,
      folder,
      seconds: quick ? QUICK_SECONDS : SECONDS,
    });
    const percent = (cost.usPerSample * 10_000) / 1e4;
    return [
      {
        name: "alert evaluation at 10,000 samples/s, 3 rules a job",
        value: Math.round(percent * 100) / 100,
        unit: "% of a core",
        budget: "< 15 %",
        ok: percent < 15,
        note: `${cost.usPerSample.toFixed(2)} µs a sample; ${cost.stateBytes} B of memory for each rule and job; ${cost.rebuiltPerSecond.toLocaleString("en")} jobs/s rebuilt from history`,
      },
      {
        name: "sample stored → alert raised, p99",
        value: Math.round(delays.p99),
        unit: "ms",
        budget: "< 300 ms",
        ok: delays.p99 < 300,
        note: `p50 ${Math.round(delays.p50)} ms, of ${delays.count} alerts at ${jobCount.toLocaleString("en")} samples/s through the writer, as a listener of the database hears them`,
      },
    ];
  } finally {
    await server.close();
  }
}

async function addJobs({ pool, db }, count) {
  const { ensurePartitions } = await load("features/samples/index.js");
  await ensurePartitions(db, Date.now());
  const organisation = "019b0000-0000-7000-8000-000000000001";
  await pool.query("insert into organisations (id, name) values ($1, 'Bench')", [organisation]);
  await pool.query(
    `insert into jobs (id, organisation_id, title, type, target, options, cadence_ms, monitoring_mode, simulation,
       locations, thresholds, status)
     select gen_random_uuid(), $1, 'job ' || n, 'icmp', '127.0.0.1', '{"timeoutMs":1000}', $2, 'real_polling', '{}',
       '{default}', '{}', 'running' from generate_series(1, $3::integer) as n`,
    [organisation, CADENCE_MS, count],
  );
  await pool.query(
    `insert into job_grids (job_no, from_slot, cadence_ms, first_sequence, location_count)
     select job_no, $1::bigint, $2::integer, $1::bigint / $2::integer, 1 from jobs`,
    [Math.floor(Date.now() / CADENCE_MS) * CADENCE_MS - 3_600_000, CADENCE_MS],
  );
  for (const condition of conditions) {
    await pool.query(
      `insert into alert_rules (id, organisation_id, name, selector, condition, quorum, severity, is_enabled)
       values (gen_random_uuid(), $1, 'Rule', '{"kind":"all"}', $2, 1, 'critical', true)`,
      [organisation, JSON.stringify(condition)],
    );
  }
}

/** CPU and memory of the evaluator alone. */
async function measureCost({ database, log, jobCount }) {
  const before = memory();
  const { engine, states, stop } = await startEngine({ database, log });
  let slot = Math.floor(Date.now() / CADENCE_MS) * CADENCE_MS;
  const startedAt = performance.now();
  engine.samplesStored(round(jobCount, slot, 0));
  while ((await states()) < jobCount * conditions.length) await delay(20);
  const rebuiltPerSecond = Math.round((jobCount * 1_000) / (performance.now() - startedAt));
  const stateBytes = Math.round((memory() - before) / (jobCount * conditions.length));
  let cpu = 0;
  for (let index = 1; index <= ROUNDS; index += 1) {
    slot += CADENCE_MS;
    const samples = round(jobCount, slot, index);
    const start = process.cpuUsage();
    engine.samplesStored(samples);
    const { user, system } = process.cpuUsage(start);
    cpu += user + system;
    if (index % 50 === 0) await delay(0);
  }
  await stop();
  return { usPerSample: cpu / (ROUNDS * jobCount), stateBytes, rebuiltPerSecond };
}

/** From the writer's confirmation of a sample to the notification that its alert has been committed. */
async function measureDelay({ database, log, jobCount, folder, seconds }) {
  const { Registry } = await import("prom-client");
  const { PostgresStore, SampleWriter } = await load("features/samples/index.js");
  const { engine, states, stop } = await startEngine({ database, log });
  const confirmedAt = new Map();
  const writer = await SampleWriter.open({
    store: new PostgresStore(database, log),
    spoolMaxBytes: 1024 ** 3,
    spoolFolder: join(folder, "spool"),
    batchSize: 100,
    flushIntervalMs: 100,
    log,
    registry: new Registry(),
    onConfirmed(samples) {
      for (const sample of samples) {
        if (sample.status === 1) confirmedAt.set(sample.jobNo, performance.now());
      }
      engine.samplesStored(samples);
    },
  });
  const delays = [];
  const seen = new Set();
  const note = async (heardAt) => {
    const { rows } = await database.pool.query("select job_no from alerts where kind = 'missed'");
    for (const { job_no: jobNo } of rows) {
      if (seen.has(jobNo)) continue;
      seen.add(jobNo);
      delays.push(heardAt - confirmedAt.get(jobNo));
    }
  };
  const listener = new pg.Client({ connectionString: database.url });
  await listener.connect();
  listener.on("notification", () => {
    const heardAt = performance.now();
    void note(heardAt);
  });
  let failed = 0;
  let slot = Math.floor(Date.now() / CADENCE_MS) * CADENCE_MS + 10 * 60_000; // Beyond what the first part made up.
  const writeRound = async () => {
    slot += CADENCE_MS;
    const dueAt = performance.now() + CADENCE_MS;
    const samples = round(jobCount, slot, 0);
    // Three slots of each failing job miss; then its alert is due.
    for (const sample of samples.slice(0, failed)) Object.assign(sample, missed);
    const slice = Math.ceil(samples.length / 20);
    for (let from = 0; from < samples.length; from += slice) {
      for (const sample of samples.slice(from, from + slice)) writer.add(sample);
      await delay(Math.max(0, Math.min(CADENCE_MS / 20, dueAt - performance.now())));
    }
    await delay(Math.max(0, dueAt - performance.now()));
  };
  for (let second = 0; second < 3; second += 1) await writeRound();
  while ((await states()) < jobCount * conditions.length) await writeRound();
  await listener.query("listen nightbell_alerts");
  for (let second = 0; second < seconds; second += 1) {
    failed += FAILING;
    await writeRound();
  }
  await writer.flush();
  await delay(1_000);
  await listener.end();
  await writer.stop(5_000);
  await stop();
  delays.sort((a, b) => a - b);
  if (delays.length < (seconds - 3) * FAILING) throw new Error(`only ${delays.length} alerts were raised`);
  const at = (part) => delays[Math.min(delays.length - 1, Math.floor(delays.length * part))];
  return { p50: at(0.5), p99: at(0.99), count: delays.length };
}

const missed = { status: 1, rttUs: null, jitterUs: null, errorCode: "timeout", error: "no answer" };

async function startEngine({ database, log }) {
  const { Registry } = await import("prom-client");
  const { AlertEngine } = await load("features/alerts/index.js");
  const { systemClock } = await load("platform/clock.js");
  const registry = new Registry();
  const engine = new AlertEngine({ database, clock: systemClock, log, registry });
  await engine.start();
  const states = async () => (await registry.getSingleMetric("nightbell_alert_states").get()).values[0].value;
  return { engine, states, stop: () => engine.stop(5_000) };
}

/** One sample of each job; one in a hundred missed. */
function round(jobCount, slot, index) {
  return Array.from({ length: jobCount }, (_, job) => {
    const isMissed = index > 0 && (index * 31 + job * 17) % 100 === 0;
    return {
      slot,
      jobNo: job + 1,
      locationNo: 1,
      status: 0,
      rttUs: 20_000 + ((index * 7 + job * 13) % 4_000),
      jitterUs: 50,
      latenessUs: 300,
      sequenceNumber: slot / CADENCE_MS,
      recordedAtMs: slot + 20.5,
      errorCode: null,
      error: null,
      phases: null,
      ...(isMissed && missed),
    };
  });
}

function memory() {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  console.table(await run({ quick: process.argv.includes("--quick") }));
}
