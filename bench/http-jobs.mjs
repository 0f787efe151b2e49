// How many HTTP jobs one core measures: `nightbell up` with its poller on one core, and everything else (Postgres, the API,
// the servers that are measured) on the others. Each job opens a connection for every sample, over 127.0.0.0/8.
// Also runs by itself: `node bench/http-jobs.mjs [--quick]`.
import { setTimeout as sleep } from "node:timers/promises";
import { cpuSeconds, memoryMib, pin } from "./shared/processes.mjs";
import {
  connectToDatabase,
  importJobs,
  loopbackAddress,
  metric,
  register,
  startProgram,
  startTargets,
  until,
  withDataDir,
} from "./shared/program.mjs";
import { readStored } from "./shared/stored.mjs";

const JOBS = 18_000;
const CADENCE_SECONDS = 4;
const RUN_MS = 60_000;
const QUICK_RUN_MS = 20_000;
/** For `CONCURRENCY` to adapt. */
const WARM_UP_MS = 10_000;
const BUDGET_PER_SECOND = 4_000;
const LATENESS_BUDGET_MS = 50;
const SETTLE_MS = 3_000;

export async function run({ quick = false } = {}) {
  const runMs = quick ? QUICK_RUN_MS : RUN_MS;
  return withDataDir(async (dataDir) => {
    const targets = await startTargets();
    const program = startProgram(dataDir);
    try {
      const url = await program.url();
      const pollerPid = await program.pollerPid();
      pin(pollerPid, "0");
      for (const pid of [program.pid, await program.postgresPid(), targets.pid]) pin(pid, "1");
      await importJobs(url, await register(url), jobs(targets.ports.http));
      await until("running jobs", async () =>
        (await metric(url, "nightbell_poller_jobs")) === JOBS ? true : undefined,
      );
      await sleep(WARM_UP_MS);
      const skippedBefore = await metric(url, "nightbell_poller_skipped_slots_total");
      const cpuBefore = await cpuSeconds(pollerPid);
      const from = Date.now();
      await sleep(runMs);
      const to = Date.now();
      const cores = (await cpuSeconds(pollerPid)) - cpuBefore;
      const skipped = (await metric(url, "nightbell_poller_skipped_slots_total")) - skippedBefore;
      await sleep(SETTLE_MS);
      const database = await connectToDatabase(dataDir);
      const stored = await readStored(database, from, to);
      await database.end();
      const memory = await memoryMib(pollerPid);
      return [row({ ...stored, skipped, seconds: (to - from) / 1_000, cores, memory })];
    } finally {
      await program.stop();
      targets.stop();
    }
  });
}

function jobs(port) {
  return Array.from({ length: JOBS }, (_, index) => ({
    title: `Site ${index}`,
    type: "http",
    target: `http://${loopbackAddress(index)}:${port}/`,
    cadenceSeconds: CADENCE_SECONDS,
  }));
}

function row({ expected, found, failures, skipped, latenessP50, latenessP99, seconds, cores, memory }) {
  const perSecond = (found - failures) / seconds;
  const isComplete = skipped === 0 && found === expected && failures === 0;
  return {
    name: "HTTP jobs a second, poller on one core",
    value: perSecond,
    unit: "/s",
    budget: `≥ ${BUDGET_PER_SECOND}, none skipped, lateness p99 < ${LATENESS_BUDGET_MS} ms`,
    ok: perSecond >= BUDGET_PER_SECOND && isComplete && latenessP99 < LATENESS_BUDGET_MS,
    note:
      `${JOBS} jobs every ${CADENCE_SECONDS} s for ${Math.round(seconds)} s: ${found} of ${expected} stored, ${skipped} skipped, ` +
      `${failures} not successful; lateness p50 ${latenessP50} ms, p99 ${latenessP99} ms; ` +
      `${((cores / seconds) * 100).toFixed(0)} % of the core, peak memory ${memory.peak} MiB`,
  };
}

if (import.meta.filename === process.argv[1])
  console.table(await run({ quick: process.argv.includes("--quick") }));
