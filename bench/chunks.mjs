// What ageing makes of an hour of samples at a cadence of ten seconds: bytes per sample in Postgres, how fast an hour is rolled
// up, sorted and packed and what that costs, and how fast chunks are read. Also runs by itself:
// `node bench/chunks.mjs [--quick]`.
import { randomUUID } from "node:crypto";
import { pathToFileURL } from "node:url";
import { pack, rollUp } from "./history/ageing.mjs";
import { load, sizeOf, startServer } from "./shared/postgres.mjs";
import { addJobs, phaseOf, storeStretch } from "./history/targets.mjs";

const HOUR_MS = 3_600_000;
const CADENCE_MS = 10_000;
/** A tenth of what 10,000 samples a second leave in an hour: the sort is far beyond its memory already. */
const JOBS = 10_000;
const QUICK_JOBS = 300;
/** Samples a second that one installation is meant for (DESIGN.md), and how much faster ageing must be. */
const ARRIVING = 10_000;
const AGEING_FACTOR = 3;
const DECODE_ROUNDS = 20;
const READS = 200;
const QUICK_READS = 50;

export async function run({ quick = false } = {}) {
  const server = await startServer();
  try {
    const database = await server.open("chunks");
    const jobs = quick ? QUICK_JOBS : JOBS;
    const hour = (Math.floor(Date.now() / HOUR_MS) - 3) * HOUR_MS;
    await addJobs(database, jobs, CADENCE_MS);
    const count = await storeStretch(database, {
      jobs,
      cadenceMs: CADENCE_MS,
      from: hour,
      to: hour + HOUR_MS,
    });
    const rawBytes = await sizeOf(database, "samples_");
    // What storing left to do is not counted as ageing.
    await database.pool.query("checkpoint");
    const rolledUp = await cost(server, () => rollUp(database));
    const packed = await cost(server, () => pack(database, { log: server.log }));
    const bytes = await sizeOf(database, "sample_chunks_2");
    const decoded = await decodeAll(database);
    const p95 = await readPages(database, jobs, hour, quick ? QUICK_READS : READS);

    const of = `${count.toLocaleString("en")} samples of ${jobs.toLocaleString("en")} jobs`;
    const perSecond = count / (rolledUp.seconds + packed.seconds);
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
        "samples aged per second",
        Math.round(perSecond),
        "samples/s",
        `≥ ${(AGEING_FACTOR * ARRIVING).toLocaleString("en")} (${AGEING_FACTOR} × ${ARRIVING.toLocaleString("en")} arriving)`,
        perSecond >= AGEING_FACTOR * ARRIVING,
        `rolled up, then sorted and packed, one after the other, ${of}; ${shareOf(rolledUp, packed, count)}`,
      ),
      row(
        "samples rolled up per second",
        Math.round(count / rolledUp.seconds),
        "samples/s",
        "≥ 100,000",
        count / rolledUp.seconds >= 100_000,
        `5 min and 1 h, one statement over an hour, ${of}`,
      ),
      row(
        "samples packed per second",
        Math.round(count / packed.seconds),
        "samples/s",
        "≥ 100,000",
        count / packed.seconds >= 100_000,
        `one pass over an hour, its sort included, ${of}`,
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
    await server.close();
  }
}

function row(name, value, unit, budget, ok, note) {
  return { name, value, unit, budget, ok, note };
}

function round(value, digits) {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}

/** Seconds of time, and of CPU: this process's and Postgres's (null where that is not told). */
async function cost(server, work) {
  const [startedAt, ours, theirs] = [performance.now(), process.cpuUsage(), await server.cpuSeconds()];
  await work();
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(ours);
  const after = await server.cpuSeconds();
  return { seconds, ours: (user + system) / 1e6, theirs: after === null ? null : after - theirs };
}

/** Of one core, when as many samples arrive as an installation is meant for. */
function shareOf(rolledUp, packed, count) {
  const percent = (seconds) => `${round((100 * ARRIVING * seconds) / count, 0)} %`;
  const ours = `the scheduler ${percent(rolledUp.ours + packed.ours)}`;
  const theirs = rolledUp.theirs === null ? "" : `, Postgres ${percent(rolledUp.theirs + packed.theirs)}`;
  return `at ${ARRIVING.toLocaleString("en")}/s of one core: ${ours}${theirs}`;
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
    const fromSlot = hour + phaseOf(jobNo, CADENCE_MS);
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

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  console.table(await run({ quick: process.argv.includes("--quick") }));
}
