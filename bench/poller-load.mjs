// 5,000 running jobs at a 10 s cadence in one `npm start`: slots skipped, lateness, the poller's memory, and whether every
// slot of the grids is in the database. Then its memory as a role of its own, with the same jobs. Targets are icmp over 127.0.0.0/8, and TCP, HTTP and DNS servers in a process of
// their own. Also runs by itself: `node bench/poller-load.mjs [--quick]`.
import { fork } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import dnsPacket from "dns-packet";
import { load } from "./shared/postgres.mjs";
import { cpuSeconds, memoryMib } from "./shared/processes.mjs";
import {
  connectToDatabase,
  importJobs,
  metric,
  register,
  startProgram,
  startRole,
  until,
  withDataDir,
} from "./shared/program.mjs";
import { readStored } from "./shared/stored.mjs";

const JOBS = { icmp: 4_000, tcp: 600, http: 200, dns: 200 };
const CADENCE_SECONDS = 10;
const RUN_MS = 120_000;
const QUICK_RUN_MS = 30_000;
/** Memory has its peak within the first rounds of the jobs. */
const ALONE_RUN_MS = 3 * CADENCE_SECONDS * 1_000;
const LATENESS_BUDGET_MS = 50;
const MEMORY_BUDGET_MIB = 150;
/** Until the newest samples are stored: the longest that they wait for their batch, and a second for the write. */
const SETTLE_MS = 3_000;
const TARGETS_FLAG = "--targets";

export async function run({ quick = false } = {}) {
  const runMs = quick ? QUICK_RUN_MS : RUN_MS;
  const targets = await startTargets();
  try {
    return await withDataDir(async (dataDir) => {
      const together = await observeTogether(dataDir, targets.ports, runMs);
      return [...rows(together, runMs), aloneRow(await observeAlone(dataDir))];
    });
  } finally {
    targets.process.kill();
  }
}

function rows({ skipped, memory, cpuPercent, stored }, runMs) {
  const { expected, found, failures, latenessP50, latenessP99, latenessMax } = stored;
  return [
    {
      name: "poller: slots skipped",
      value: skipped,
      budget: "0",
      ok: skipped === 0,
      note: `${total(JOBS)} jobs every ${CADENCE_SECONDS} s, for ${runMs / 1_000} s`,
    },
    {
      name: "poller: slots without a sample",
      value: expected - found,
      budget: "0",
      ok: expected === found,
      note: `${found} of ${expected} stored, ${failures} not successful`,
    },
    {
      name: "poller: lateness p99",
      value: latenessP99,
      unit: "ms",
      budget: `< ${LATENESS_BUDGET_MS} ms`,
      ok: latenessP99 < LATENESS_BUDGET_MS,
      note: `p50 ${latenessP50} ms, max ${latenessMax} ms`,
    },
    {
      name: "poller: peak memory",
      value: memory.peak,
      unit: "MiB",
      budget: `< ${MEMORY_BUDGET_MIB} MiB`,
      ok: memory.peak < MEMORY_BUDGET_MIB,
      note: `resident at the end: ${memory.resident} MiB; ${cpuPercent.toFixed(1)} % of a core`,
    },
  ];
}

function aloneRow({ poller, parent }) {
  return {
    name: "poller as a role of its own: peak memory",
    value: poller.peak,
    unit: "MiB",
    budget: `< ${MEMORY_BUDGET_MIB} MiB`,
    ok: poller.peak < MEMORY_BUDGET_MIB,
    note:
      `resident at the end: ${poller.resident} MiB; its parent process, \`serve --roles poller\`: ` +
      `${parent.peak} MiB; the same jobs, for ${ALONE_RUN_MS / 1_000} s`,
  };
}

/** Local servers in a process of their own, so that they do not answer late because of us. */
async function startTargets() {
  const child = fork(import.meta.filename, [TARGETS_FLAG], { stdio: ["ignore", 2, 2, "ipc"] });
  const [ports] = await once(child, "message");
  return { process: child, ports };
}

async function serveTargets() {
  const tcp = createServer((socket) => socket.on("error", () => {}).end()).listen(0, "0.0.0.0");
  const http = createHttpServer((_request, response) => response.end("ok\n")).listen(0, "0.0.0.0");
  const dns = createSocket("udp4");
  dns.on("message", (message, { port, address }) => {
    const { id, questions } = dnsPacket.decode(message);
    const answers = questions.map(({ name }) => ({ name, type: "A", ttl: 60, data: "192.0.2.1" }));
    dns.send(dnsPacket.encode({ type: "response", id, questions, answers }), port, address);
  });
  dns.bind(0, "127.0.0.1");
  await Promise.all([tcp, http, dns].map((server) => once(server, "listening")));
  process.send({ tcp: tcp.address().port, http: http.address().port, dns: dns.address().port });
  process.once("disconnect", () => process.exit());
}

async function createJobs(url, ports) {
  const targetOf = {
    icmp: (address) => address,
    tcp: (address) => `${address}:${ports.tcp}`,
    http: (address) => `http://${address}:${ports.http}/`,
    dns: () => `dns://127.0.0.1:${ports.dns}/bench.example`,
  };
  const jobs = Object.entries(JOBS).flatMap(([type, count]) =>
    Array.from({ length: count }, (_, index) => ({
      title: `${type} ${index}`,
      type,
      target: targetOf[type](`127.${1 + (index >> 8)}.${index & 255}.1`),
      cadenceSeconds: CADENCE_SECONDS,
    })),
  );
  await importJobs(url, await register(url), jobs);
}

/** Lets one program do it all, then says what the system and the poller tell about the poller, and what is stored. */
async function observeTogether(dataDir, ports, runMs) {
  const program = startProgram(dataDir);
  try {
    const url = await program.url();
    await createJobs(url, ports);
    await allAreMeasured(url);
    const pollerPid = await program.pollerPid();
    const cpuBefore = await cpuSeconds(pollerPid);
    await sleep(runMs);
    const to = Date.now();
    const cpuPercent = (((await cpuSeconds(pollerPid)) - cpuBefore) / (runMs / 1_000)) * 100;
    const skipped = await metric(url, "nightbell_poller_skipped_slots_total");
    await sleep(SETTLE_MS);
    const database = await connectToDatabase(dataDir);
    const stored = await readStored(database, 0, to);
    await database.end();
    return { cpuPercent, skipped, stored, memory: await memoryMib(pollerPid) };
  } finally {
    await program.stop();
  }
}

/** The memory of the role by itself, and of the process that keeps it running, once it has measured the same jobs. */
async function observeAlone(dataDir) {
  const { startEmbeddedPostgres } = await load("platform/embedded-postgres/index.js");
  const { createLogger } = await load("platform/log.js");
  const postgres = await startEmbeddedPostgres({ dataDir, log: createLogger("warn", "bench") });
  try {
    const program = startRole("poller", postgres.url, { NIGHTBELL_DATA_DIR: `${dataDir}-alone` });
    try {
      await allAreMeasured(await program.url());
      await sleep(ALONE_RUN_MS);
      return { poller: await memoryMib(await program.pollerPid()), parent: await memoryMib(program.pid) };
    } finally {
      await program.stop();
    }
  } finally {
    await postgres.stop();
  }
}

async function allAreMeasured(url) {
  const jobs = () => metric(url, "nightbell_poller_jobs");
  await until("jobs that are measured", async () => ((await jobs()) === total(JOBS) ? true : undefined));
}

function total(counts) {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

if (process.argv.includes(TARGETS_FLAG)) await serveTargets();
else if (import.meta.filename === process.argv[1])
  console.table(await run({ quick: process.argv.includes("--quick") }));
