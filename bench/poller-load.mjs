// 5,000 running jobs at a 10 s cadence in one `npm start`: slots skipped, lateness, the poller's memory, and whether every
// slot of the grids is in the database. Then its memory as a role of its own, with the same jobs. Targets are icmp over 127.0.0.0/8, and TCP, HTTP and DNS servers in a process of
// their own. Also runs by itself: `node bench/poller-load.mjs [--quick]`.
import { fork, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { chmod, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import dnsPacket from "dns-packet";
import pg from "pg";

const JOBS = { icmp: 4_000, tcp: 600, http: 200, dns: 200 };
const CADENCE_SECONDS = 10;
const RUN_MS = 120_000;
const QUICK_RUN_MS = 30_000;
/** Memory has its peak within the first rounds of the jobs. */
const ALONE_RUN_MS = 3 * CADENCE_SECONDS * 1_000;
const LATENESS_BUDGET_MS = 50;
const MEMORY_BUDGET_MIB = 150;
const START_TIMEOUT_MS = 60_000;
const IMPORT_BATCH = 500;
const TARGETS_FLAG = "--targets";

export async function run({ quick = false } = {}) {
  const runMs = quick ? QUICK_RUN_MS : RUN_MS;
  const folder = await mkdtemp(join(tmpdir(), "nightbell-bench-"));
  await chmod(folder, 0o711); // Root starts Postgres as another user.
  const dataDir = join(folder, "data");
  const targets = await startTargets();
  const program = startProgram(["up"], { DATABASE_URL: "", NIGHTBELL_DATA_DIR: dataDir });
  try {
    const token = await createJobs(await program.url(), targets.ports);
    const observed = await observe(program, token, runMs);
    await program.stop();
    const postgres = await startPostgres(dataDir);
    try {
      const stored = await readStored(postgres.url, observed.untilMs);
      const alone = await observeAlone(postgres.url, join(folder, "alone"));
      return [...rows(observed, stored, runMs), aloneRow(alone)];
    } finally {
      await postgres.stop();
    }
  } finally {
    await program.stop();
    targets.process.kill();
    await rm(folder, { recursive: true });
  }
}

function rows({ skipped, peakMib, residentMib, cpuPercent }, stored, runMs) {
  const { expected, found, unexpected, failures, p50, p99, max } = stored;
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
      note: `${found} of ${expected} stored, ${unexpected} beyond the grids, ${failures} not successful`,
    },
    {
      name: "poller: lateness p99",
      value: toMs(p99),
      unit: "ms",
      budget: `< ${LATENESS_BUDGET_MS} ms`,
      ok: toMs(p99) < LATENESS_BUDGET_MS,
      note: `p50 ${toMs(p50)} ms, max ${toMs(max)} ms`,
    },
    {
      name: "poller: peak memory",
      value: peakMib,
      unit: "MiB",
      budget: `< ${MEMORY_BUDGET_MIB} MiB`,
      ok: peakMib < MEMORY_BUDGET_MIB,
      note: `resident at the end: ${residentMib} MiB; ${cpuPercent.toFixed(1)} % of a core`,
    },
  ];
}

function aloneRow({ poller, parent }) {
  return {
    name: "poller as a role of its own: peak memory",
    value: poller.peakMib,
    unit: "MiB",
    budget: `< ${MEMORY_BUDGET_MIB} MiB`,
    ok: poller.peakMib < MEMORY_BUDGET_MIB,
    note:
      `resident at the end: ${poller.residentMib} MiB; its parent process, \`serve --roles poller\`: ` +
      `${parent.peakMib} MiB; the same jobs, for ${ALONE_RUN_MS / 1_000} s`,
  };
}

function toMs(us) {
  return Math.round(us / 10) / 100;
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

function startProgram(args, environment) {
  const program = spawn(
    process.execPath,
    [join(import.meta.dirname, "../packages/server/bin/nightbell.mjs"), ...args],
    {
      env: { ...process.env, PORT: "0", LOG_LEVEL: "warn", ...environment },
      stdio: ["ignore", "pipe", 2],
    },
  );
  const exited = once(program, "exit");
  let output = "";
  program.stdout.setEncoding("utf8").on("data", (text) => (output += text));
  return {
    pid: program.pid,
    url: () =>
      until("address", () => {
        if (program.exitCode !== null) throw new Error(`nightbell ended with exit code ${program.exitCode}`);
        return /http:\/\/\S+/.exec(output)?.[0];
      }),
    pollerPid: () => until("poller process", () => childNamed(program.pid, "poller-child")),
    async stop() {
      program.kill("SIGTERM");
      await exited;
    },
  };
}

async function createJobs(url, ports) {
  const account = { email: "bench@example.com", password: "correct horse battery", name: "Bench" };
  const { token } = await call(url, "/api/auth/register", null, account);
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
  for (let from = 0; from < jobs.length; from += IMPORT_BATCH)
    await call(url, "/api/jobs/import", token, { jobs: jobs.slice(from, from + IMPORT_BATCH) });
  return token;
}

/** Lets it run, then says what the poller tells about itself and what the system says about its process. */
async function observe(program, token, runMs) {
  const [url, pollerPid] = [await program.url(), await program.pollerPid()];
  const running = async () =>
    (await call(url, "/api/jobs?status=running&limit=1", token)).pagination.totalItems;
  await until("running jobs", async () => ((await running()) === total(JOBS) ? true : undefined));
  const cpuBefore = await cpuSeconds(pollerPid);
  await sleep(runMs);
  const untilMs = Date.now();
  const cpuPercent = (((await cpuSeconds(pollerPid)) - cpuBefore) / (runMs / 1_000)) * 100;
  const skipped = await metric(url, "nightbell_poller_skipped_slots_total");
  return { untilMs, skipped, cpuPercent, ...(await memory(pollerPid)) };
}

/** The memory of the role by itself, and of the process that keeps it running, once it has measured all jobs. */
async function observeAlone(databaseUrl, dataDir) {
  const program = startProgram(["serve", "--roles", "poller"], {
    DATABASE_URL: databaseUrl,
    NIGHTBELL_DATA_DIR: dataDir,
  });
  try {
    const url = await program.url();
    const pollerPid = await program.pollerPid();
    const jobs = () => metric(url, "nightbell_poller_jobs");
    await until("jobs", async () => ((await jobs()) === total(JOBS) ? true : undefined));
    await sleep(ALONE_RUN_MS);
    return { poller: await memory(pollerPid), parent: await memory(program.pid) };
  } finally {
    await program.stop();
  }
}

async function metric(url, name) {
  const text = await (await fetch(new URL("/metrics", url))).text();
  return Number(new RegExp(`^${name}(?:\\{.*\\})? (\\d+)`, "m").exec(text)?.[1]);
}

async function memory(pid) {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const mib = (name) => Math.round(Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1_024);
  return { peakMib: mib("VmHWM"), residentMib: mib("VmRSS") };
}

/** The database that the program left. */
async function startPostgres(dataDir) {
  const { startEmbeddedPostgres } =
    await import("../packages/server/dist/platform/embedded-postgres/index.js");
  const { createLogger } = await import("../packages/server/dist/platform/log.js");
  return startEmbeddedPostgres({ dataDir, log: createLogger("warn", "bench") });
}

/** Compares what the grids say with what is stored. */
async function readStored(databaseUrl, untilMs) {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query(
      `with slots as (
         select job_no, slot from job_grids,
           generate_series(from_slot, least(coalesce(to_slot, $1), $1) - 1, cadence_ms) as slot)
       select count(slots.slot)::int as expected,
         count(samples.slot) filter (where slots.slot is not null)::int as found,
         count(*) filter (where slots.slot is null)::int as unexpected,
         count(*) filter (where status <> 0)::int as failures,
         percentile_disc(0.5) within group (order by lateness_us) as p50,
         percentile_disc(0.99) within group (order by lateness_us) as p99,
         max(lateness_us) as max
       from slots full join (select * from samples where slot < $1) as samples
         on samples.job_no = slots.job_no and samples.slot = slots.slot`,
      [untilMs],
    );
    return rows[0];
  } finally {
    await client.end();
  }
}

async function childNamed(parent, name) {
  for (const pid of (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry))) {
    const [stat, command] = await Promise.all(
      ["stat", "cmdline"].map((file) => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "")),
    );
    const parentPid = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    if (parentPid === parent && command.includes(name)) return Number(pid);
  }
}

async function cpuSeconds(pid) {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100; // user and system time in ticks of 10 ms
}

async function call(url, path, token, body) {
  const response = await fetch(new URL(path, url), {
    method: body === undefined ? "GET" : "POST",
    headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
  return response.json();
}

async function until(what, look) {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < deadline) {
    const found = await look();
    if (found !== undefined) return found;
    await sleep(50);
  }
  throw new Error(`no ${what} within ${START_TIMEOUT_MS / 1_000} s`);
}

function total(counts) {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

if (process.argv.includes(TARGETS_FLAG)) await serveTargets();
else if (import.meta.filename === process.argv[1])
  console.table(await run({ quick: process.argv.includes("--quick") }));
