// Samples stored per second through the poller's writer into an embedded Postgres with its default, durable settings,
// and reads of what was stored: 2,000 jobs at a cadence of ten seconds. Also runs by itself:
// `node bench/store-samples.mjs [--quick]`.
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { load, startServer } from "./shared/postgres.mjs";

const CADENCE_MS = 10_000;
const SLOTS = 500;
const JOBS = 2_000;
const QUICK_JOBS = 200;
/** One job so fast that a chart of it reads as many samples as a request may. */
const FAST_CADENCE_MS = 100;
const FAST_SLOTS = 200_000;
/** The writer takes what is there; this many waiting keep it busy without filling its buffer. */
const MAX_WAITING = 20_000;
const READS = 300;
const QUICK_READS = 50;

export async function run({ quick = false } = {}) {
  const server = await startServer();
  const { log, folder } = server;
  try {
    const database = await server.open("samples");
    const jobCount = quick ? QUICK_JOBS : JOBS;
    const to = Math.floor(Date.now() / CADENCE_MS) * CADENCE_MS;
    const from = to - SLOTS * CADENCE_MS;
    const context = { database, log, spoolFolder: join(folder, "spool") };
    const stored = await storeSlots(context, jobCount, from, CADENCE_MS, SLOTS);
    const reads = await measureReads(database, jobCount, from, to, quick ? QUICK_READS : READS);
    const rows = [
      {
        name: "samples stored per second",
        value: stored.perSecond,
        unit: "samples/s",
        budget: "≥ 20,000",
        ok: stored.perSecond >= 20_000,
        note: `${stored.count} samples of ${jobCount} jobs, one writer; ${stored.cpuPercent} % of a core in the writer's process`,
      },
      ...reads,
    ];
    if (!quick) rows.push(await measureLongSeries(context, jobCount + 1, to));
    return rows;
  } finally {
    await server.close();
  }
}

/** Stores one sample of each job for each slot, as fast as the writer takes them. */
async function storeSlots({ database, log, spoolFolder }, jobCount, from, cadenceMs, slots, firstJob = 1) {
  const { Registry } = await import("prom-client");
  const { PostgresStore, SampleWriter } = await load("features/samples/index.js");
  const writer = await SampleWriter.open({
    store: new PostgresStore(database, log),
    spoolMaxBytes: 1024 ** 3,
    spoolFolder,
    batchSize: 100,
    flushIntervalMs: 2_000,
    log,
    registry: new Registry(),
  });
  const startedAt = performance.now();
  const startCpu = process.cpuUsage();
  for (let index = 0; index < slots; index += 1) {
    const slot = from + index * cadenceMs;
    for (let job = 0; job < jobCount; job += 1) {
      const isLost = (index * 31 + job * 17) % 100 === 0;
      writer.add({
        slot: slot + ((job * 7_919) % cadenceMs),
        jobNo: firstJob + job,
        locationNo: 1,
        status: isLost ? 1 : 0,
        rttUs: isLost ? null : 900 + ((index * 7 + job * 13) % 400),
        jitterUs: isLost ? null : (index * 11) % 50,
        latenessUs: 300,
        sequenceNumber: slot / cadenceMs,
        recordedAtMs: slot + 1.25,
        errorCode: isLost ? "timeout" : null,
        error: isLost ? "no answer from 192.0.2.1 within 5000 ms" : null,
        phases: null,
      });
    }
    do await setImmediate();
    while (writer.stats.buffered > MAX_WAITING);
  }
  await writer.flush();
  const seconds = (performance.now() - startedAt) / 1_000;
  const cpu = process.cpuUsage(startCpu);
  await writer.stop(10_000);
  const count = slots * jobCount;
  if (writer.stats.stored !== count) throw new Error(`stored ${writer.stats.stored} of ${count} samples`);
  return {
    count,
    perSecond: Math.round(count / seconds),
    cpuPercent: Math.round((cpu.user + cpu.system) / 1e4 / seconds),
  };
}

async function measureReads(database, jobCount, from, to, count) {
  const { readPage } = await load("features/samples/page.js");
  const { readSeries } = await load("features/samples/series.js");
  const { readRecent } = await load("features/samples/recent.js");
  const job = () => sampledJob(1 + Math.floor(Math.random() * jobCount), from, CADENCE_MS);
  const fifty = () => Array.from({ length: 50 }, job);
  const table = `${jobCount * SLOTS} samples in the table`;
  const kinds = [
    {
      name: "500 samples of one job, p95",
      budgetMs: 10,
      read: async () => {
        const { data } = await readPage(database, job(), { limit: 500 }, to);
        if (data.length !== SLOTS) throw new Error(`${data.length} samples`);
      },
    },
    {
      name: "chart of 500 points, p95",
      budgetMs: 20,
      read: () => readSeries(database, job(), { from: new Date(from).toISOString(), points: 500 }, to),
    },
    {
      name: "last 30 samples of 50 jobs, p95",
      budgetMs: 15,
      read: () => readRecent(database, fifty(), to),
    },
  ];
  const rows = [];
  for (const { name, budgetMs, read } of kinds) {
    for (let index = 0; index < 10; index += 1) await read();
    const times = [];
    for (let index = 0; index < count; index += 1) times.push(await timed(read));
    const p95 = times.sort((a, b) => a - b)[Math.ceil(times.length * 0.95) - 1];
    rows.push({
      name,
      value: Math.round(p95 * 10) / 10,
      unit: "ms",
      budget: `≤ ${budgetMs} ms`,
      ok: p95 <= budgetMs,
      note: table,
    });
  }
  return rows;
}

async function measureLongSeries(context, jobNo, to) {
  const { readSeries } = await load("features/samples/series.js");
  const from = to - FAST_SLOTS * FAST_CADENCE_MS;
  await storeSlots(context, 1, from, FAST_CADENCE_MS, FAST_SLOTS, jobNo);
  const job = sampledJob(jobNo, from + ((jobNo * 7_919) % FAST_CADENCE_MS), FAST_CADENCE_MS);
  const times = [];
  for (let index = 0; index < 7; index += 1) {
    times.push(
      await timed(async () => {
        const { points } = await readSeries(
          context.database,
          job,
          { from: new Date(from).toISOString(), points: 500 },
          to,
        );
        if (points.length < 250) throw new Error(`${points.length} points`);
      }),
    );
  }
  const median = times.sort((a, b) => a - b)[3];
  return {
    name: `chart over ${FAST_SLOTS.toLocaleString("en")} samples`,
    value: Math.round(median),
    unit: "ms",
    budget: "≤ 500 ms",
    ok: median <= 500,
    note: "median; the most that one chart reads from raw samples",
  };
}

function sampledJob(jobNo, fromSlot, cadenceMs) {
  const first = cadenceMs === CADENCE_MS ? fromSlot + (((jobNo - 1) * 7_919) % cadenceMs) : fromSlot;
  return {
    id: randomUUID(),
    jobNo,
    grids: [{ fromSlot: first, toSlot: null, cadenceMs, firstSequence: 0, locationCount: 1 }],
    locationCount: 1,
    timeoutMs: 5_000,
  };
}

async function timed(call) {
  const startedAt = performance.now();
  await call();
  return performance.now() - startedAt;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  console.table(await run({ quick: process.argv.includes("--quick") }));
}
