// How far one machine goes: one `nightbell up` whose jobs grow from 1,000 to 250,000 at a cadence of 10 s, nine in ten of
// them icmp over 127.0.0.0/8, the others tcp. At each size it runs for a while, a person keeps asking for the job list and
// for a job's page, and then what the grids say is compared with what is stored. Prints a table of how cost grows.
// Also runs by itself: `node bench/scale.mjs [--quick] [--stages 100000:60,250000:60]`, in jobs and seconds.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Client } from "undici";
import { cpuSeconds, cpuSecondsOfTree, memoryMib, memoryMibOfTree } from "./shared/processes.mjs";
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

const GUIDE = join(import.meta.dirname, "../docs/guide/operating.md");
const CADENCE_SECONDS = 10;
const STAGES = [
  { jobs: 1_000, seconds: 60 },
  { jobs: 10_000, seconds: 60 },
  { jobs: 100_000, seconds: 600 },
  { jobs: 200_000, seconds: 60 },
  { jobs: 250_000, seconds: 300 },
];
const QUICK_STAGES = [
  { jobs: 1_000, seconds: 15 },
  { jobs: 10_000, seconds: 15 },
  { jobs: 100_000, seconds: 30 },
];
/** The size that the budgets speak of, and the largest that there is one for. */
const BUDGET_JOBS = 100_000;
const LATENESS_BUDGET_MS = 50;
const MEMORY_BUDGET_MIB = 1_024;
const LIST_BUDGET_MS = 10;
const PAGE_BUDGET_MS = 20;
/** Of the person who looks on. */
const LOOK_INTERVAL_MS = 250;
const FILL_TIMEOUT_MS = 300_000;
/** Until the newest samples are stored: the longest that they wait for their batch, and a second for the write. */
const SETTLE_MS = 3_000;

export async function run({ quick = false, stages = quick ? QUICK_STAGES : STAGES } = {}) {
  return withDataDir(async (dataDir) => {
    const targets = await startTargets();
    const program = startProgram(dataDir, { RATE_LIMIT_PER_SECOND: "1000" });
    try {
      const url = await program.url();
      const world = { url, token: await register(url), program, database: await connectToDatabase(dataDir) };
      const results = [];
      for (const stage of stages) {
        const growth = await grow(world, results.at(-1)?.jobs ?? 0, stage.jobs, targets.ports.tcp);
        results.push({ ...stage, growth, ...(await observe(world, stage)) });
        console.error(summary(results.at(-1)));
      }
      await world.database.end();
      console.error(`\n${growthTable(results)}\n`);
      if (stages === STAGES) writeGrowth(growthTable(results));
      return results.flatMap(rows);
    } finally {
      await program.stop();
      targets.stop();
    }
  });
}

/** Adds jobs until all of them run: how long that took, and how the others were measured meanwhile. */
async function grow({ url, token, database }, before, after, tcpPort) {
  const from = Date.now();
  const jobs = Array.from({ length: after - before }, (_, index) => job(before + index, tcpPort));
  await importJobs(url, token, jobs);
  const measured = () => metric(url, "nightbell_poller_jobs");
  await until("running jobs", async () => ((await measured()) === after ? true : undefined), FILL_TIMEOUT_MS);
  const to = Date.now();
  await sleep(SETTLE_MS);
  return { before, seconds: (to - from) / 1_000, ...(await readStored(database, from, to, before)) };
}

function job(index, tcpPort) {
  const address = loopbackAddress(index);
  const isTcp = index % 10 === 9;
  return {
    title: `${isTcp ? "Port" : "Host"} ${index}`,
    type: isTcp ? "tcp" : "icmp",
    target: isTcp ? `${address}:${tcpPort}` : address,
    cadenceSeconds: CADENCE_SECONDS,
  };
}

/** Lets it run, and says what that cost and whether anything is missing. */
async function observe(world, { seconds }) {
  const { url, program, database } = world;
  const before = await usage(world);
  const from = Date.now();
  const looks = lookOn(world);
  await sleep(seconds * 1_000);
  const to = Date.now();
  const after = await usage(world);
  const { lists, pages } = await looks.stop();
  const perSecond = (name) => (after[name] - before[name]) / ((to - from) / 1_000);
  await sleep(SETTLE_MS);
  return {
    skipped: after.skipped - before.skipped,
    ...(await readStored(database, from, to)),
    lists,
    pages,
    cores: { poller: perSecond("poller"), main: perSecond("main"), postgres: perSecond("postgres") },
    memory: {
      poller: await memoryMib(await program.pollerPid()),
      main: await memoryMib(program.pid),
      postgres: await memoryMibOfTree(await program.postgresPid()),
    },
    mibPerHour: (perSecond("sampleBytes") * 3_600) / 2 ** 20,
    walPerSecond: perSecond("walBytes"),
    samplesInAll: await metric(url, "nightbell_samples_stored_total"),
  };
}

async function usage({ url, program, database }) {
  const { rows } = await database.query(
    `select sum(pg_total_relation_size(inhrelid))::bigint as bytes,
       pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint as wal
     from pg_inherits where inhparent = 'samples'::regclass`,
  );
  return {
    poller: await cpuSeconds(await program.pollerPid()),
    main: await cpuSeconds(program.pid),
    postgres: await cpuSecondsOfTree(await program.postgresPid()),
    skipped: await metric(url, "nightbell_poller_skipped_slots_total"),
    sampleBytes: Number(rows[0].bytes),
    walBytes: Number(rows[0].wal),
  };
}

/** A person with the job list open, who filters, searches and opens a job every so often; how long each answer took. */
function lookOn({ url, token }) {
  const client = new Client(url);
  const lists = [];
  const pages = [];
  const stopped = new AbortController();
  const ask = async (path) => {
    const headers = { authorization: `Bearer ${token}` };
    const { statusCode, body } = await client.request({ method: "GET", path, headers });
    const answer = await body.json();
    if (statusCode !== 200) throw new Error(`${path} answered ${statusCode}: ${JSON.stringify(answer)}`);
    return answer;
  };
  const timed = async (into, path) => {
    const startedAt = performance.now();
    const answer = await ask(path);
    into.push(performance.now() - startedAt);
    return answer;
  };
  const queries = ["", "status=running", "type=tcp", "search=Host 12", "sort=title&page=3"].map(encodeURI);
  const looking = (async () => {
    for (let n = 0; !stopped.signal.aborted; n++) {
      const { data } = await timed(lists, `/api/jobs?limit=50&${queries[n % queries.length]}`);
      const { id } = data[n % data.length];
      const page = [`/api/jobs/${id}`, `/api/jobs/${id}/samples`, `/api/jobs/${id}/summary`];
      await timed(pages, page[n % page.length]);
      await sleep(LOOK_INTERVAL_MS);
    }
    await client.close();
  })();
  return {
    async stop() {
      stopped.abort();
      await looking;
      return { lists: lists.toSorted(ascending), pages: pages.toSorted(ascending) };
    },
  };
}

function rows(result) {
  const { jobs, seconds, skipped, expected, found, failures, memory, cores, growth } = result;
  const name = (what) => `${jobs.toLocaleString("en")} jobs: ${what}`;
  const cost = {
    name: name("cores used"),
    value: total(Object.values(cores)),
    ok: true,
    note:
      `poller ${cores.poller.toFixed(2)}, Postgres ${cores.postgres.toFixed(2)}, the rest ${cores.main.toFixed(2)}; ` +
      `peak memory of the poller ${memory.poller.peak} MiB, of the rest ${memory.main.peak} MiB, Postgres ` +
      `${memory.postgres} MiB; ${Math.round(result.mibPerHour).toLocaleString("en")} MiB of raw samples an hour, WAL ${(result.walPerSecond / 2 ** 20).toFixed(2)} MiB/s`,
  };
  const missing = {
    name: name("slots skipped, without a sample, or not successful"),
    value: skipped + expected - found + failures,
    budget: "0",
    ok: skipped === 0 && expected === found && failures === 0,
    note:
      `${Math.round(found / seconds).toLocaleString("en")} samples/s for ${seconds} s: ${found} of ${expected} stored, ` +
      `${failures} not successful`,
  };
  const growing = {
    name: name(
      `lateness p99 of the first ${growth.before.toLocaleString("en")} while the others are created`,
    ),
    value: growth.latenessP99,
    unit: "ms",
    budget: `< ${LATENESS_BUDGET_MS} ms, none missing`,
    ok: growth.latenessP99 < LATENESS_BUDGET_MS && growth.expected === growth.found,
    note: `created and started within ${growth.seconds.toFixed(0)} s; p50 ${growth.latenessP50} ms, max ${growth.latenessMax} ms; ${growth.found} of ${growth.expected} stored`,
  };
  const lateness = {
    name: name("lateness p99"),
    value: result.latenessP99,
    unit: "ms",
    budget: `< ${LATENESS_BUDGET_MS} ms`,
    ok: result.latenessP99 < LATENESS_BUDGET_MS,
    note: `p50 ${result.latenessP50} ms, max ${result.latenessMax} ms`,
  };
  const answers = [
    answerRow(name("job list meanwhile (p95)"), result.lists, LIST_BUDGET_MS, jobs),
    answerRow(name("job, its samples, its summary meanwhile (p95)"), result.pages, PAGE_BUDGET_MS, jobs),
  ];
  answers[1].note += `; ${result.samplesInAll.toLocaleString("en")} samples stored so far`;
  const peak = {
    name: name("poller, peak memory"),
    value: memory.poller.peak,
    unit: "MiB",
    budget: `< ${MEMORY_BUDGET_MIB} MiB`,
    ok: memory.poller.peak < MEMORY_BUDGET_MIB,
    note: `resident at the end: ${memory.poller.resident} MiB`,
  };
  const grew = growth.before === 0 ? [] : [growing];
  return jobs < BUDGET_JOBS
    ? [missing, lateness, cost]
    : [...grew, missing, lateness, peak, ...answers, cost];
}

/** Of larger sizes than the budget's it is only told. */
function answerRow(name, sorted, budgetMs, jobs) {
  const p95 = quantile(sorted, 0.95);
  const hasBudget = jobs === BUDGET_JOBS;
  return {
    name,
    value: p95,
    unit: "ms",
    budget: hasBudget ? `≤ ${budgetMs} ms` : undefined,
    ok: !hasBudget || p95 <= budgetMs,
    note: `p50 ${quantile(sorted, 0.5).toFixed(1)} ms, max ${sorted.at(-1).toFixed(1)} ms, of ${sorted.length} requests`,
  };
}

function summary({
  jobs,
  seconds,
  skipped,
  expected,
  found,
  latenessP50,
  latenessP99,
  lists,
  pages,
  growth,
}) {
  return (
    `${jobs} jobs (after ${growth.seconds.toFixed(0)} s), ${seconds} s: ${found} of ${expected} stored, ${skipped} skipped, ` +
    `lateness p50 ${latenessP50} p99 ${latenessP99} ms, list p95 ${quantile(lists, 0.95).toFixed(1)} ms, ` +
    `page p95 ${quantile(pages, 0.95).toFixed(1)} ms`
  );
}

/** Between its markers in the guide. */
function writeGrowth(table) {
  const guide = readFileSync(GUIDE, "utf8");
  const [begin, end] = ["<!-- growth: begin -->", "<!-- growth: end -->"];
  const [before, after] = [guide.split(begin)[0], guide.split(end)[1]];
  writeFileSync(GUIDE, `${before}${begin}\n\n${table}\n\n${end}${after}`);
}

/** As it stands in docs/guide/operating.md. */
function growthTable(results) {
  const head = [
    "Jobs",
    "Samples/s",
    "CPU: poller",
    "CPU: api and the rest",
    "CPU: Postgres",
    "Memory: poller",
    "Memory: api and the rest",
    "Memory: Postgres",
    "Raw samples an hour",
    "Lateness p50 / p99",
  ];
  return [head, head.map(() => "--:"), ...results.map(growthCells)]
    .map((line) => `| ${line.join(" | ")} |`)
    .join("\n");
}

function growthCells({ jobs, seconds, found, cores, memory, mibPerHour, latenessP50, latenessP99 }) {
  return [
    jobs.toLocaleString("en"),
    Math.round(found / seconds).toLocaleString("en"),
    ...[cores.poller, cores.main, cores.postgres].map((value) => value.toFixed(2)),
    ...[memory.poller.peak, memory.main.peak, memory.postgres].map((mib) => `${mib} MiB`),
    `${(mibPerHour / 1_024).toFixed(2)} GiB`,
    `${latenessP50} / ${latenessP99} ms`,
  ];
}

function quantile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

function total(numbers) {
  return numbers.reduce((sum, each) => sum + each, 0);
}

function ascending(a, b) {
  return a - b;
}

if (import.meta.filename === process.argv[1]) {
  const { values } = parseArgs({ options: { quick: { type: "boolean" }, stages: { type: "string" } } });
  const stages = values.stages?.split(",").map((stage) => {
    const [jobs, seconds] = stage.split(":").map(Number);
    return { jobs, seconds };
  });
  console.table(await run({ quick: values.quick, stages }));
}
