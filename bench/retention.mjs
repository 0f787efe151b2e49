// What is left of a day's samples, in bytes for each of them, when only rollups are kept, and when chunks are kept as well, as
// of a completed job whose samples have aged: at cadences of a second, of ten and of sixty. Also runs by itself:
// `node bench/retention.mjs [--quick]`.
import { pathToFileURL } from "node:url";
import { pack, rollUp } from "./history/ageing.mjs";
import { sizeOf, startServer } from "./shared/postgres.mjs";
import { addJobs, storeStretch } from "./history/targets.mjs";

const DAY_MS = 86_400_000;
/** So many jobs that each cadence leaves as many samples. */
const CADENCES = [
  { seconds: 1, jobs: 5 },
  { seconds: 10, jobs: 50 },
  { seconds: 60, jobs: 300 },
];
/** Of a day. */
const QUICK_SHARE = 1 / 5;
/** Issue 2 and M12. */
const BUDGET_PERCENT = 80;

export async function run({ quick = false } = {}) {
  const server = await startServer();
  try {
    const rows = [];
    for (const { seconds, jobs } of CADENCES) {
      const database = await server.open(`cadence_${seconds}`);
      const sizes = await measure(database, server.log, {
        cadenceMs: seconds * 1_000,
        jobs: Math.ceil(jobs * (quick ? QUICK_SHARE : 1)),
      });
      rows.push(rollupsOnly(seconds, sizes), completed(seconds, sizes));
    }
    return rows.sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
  } finally {
    await server.close();
  }
}

/** Bytes a sample, with indexes, at each stage of its life. */
async function measure(database, log, { cadenceMs, jobs }) {
  const from = (Math.floor(Date.now() / DAY_MS) - 2) * DAY_MS;
  await addJobs(database, jobs, cadenceMs);
  const count = await storeStretch(database, { jobs, cadenceMs, from, to: from + DAY_MS });
  const perSample = async (prefix) => (await sizeOf(database, prefix)) / count;
  const raw = await perSample("samples_");
  await rollUp(database);
  await pack(database, { log });
  const [fine, hourly, daily] = [
    await perSample("rollups_5m_"),
    await perSample("rollups_1h_"),
    await perSample("rollups_1d_"),
  ];
  // Small chunks of hours are gone once their day is packed.
  const { rowCount } = await database.pool.query("select from interim_chunks");
  if (rowCount !== 0) throw new Error(`${rowCount} chunks wait for their day`);
  return { count, jobs, raw, fine, hourly, daily, chunks: await perSample("sample_chunks_2") };
}

function rollupsOnly(seconds, { count, jobs, raw, fine, hourly, daily }) {
  const left = fine + hourly + daily;
  return row(
    `bytes per sample, rollups alone, ${seconds} s cadence`,
    left,
    raw,
    `5 min ${round(fine)}, 1 h ${round(hourly)}, 1 d ${round(daily)}; ${count.toLocaleString("en")} samples, a day of ${jobs} jobs`,
  );
}

function completed(seconds, { raw, fine, hourly, daily, chunks }) {
  return row(
    `bytes per sample of a completed job, aged, ${seconds} s cadence`,
    chunks + fine + hourly + daily,
    raw,
    `every sample kept: chunks ${round(chunks)}, rollups ${round(fine + hourly + daily)}`,
  );
}

function row(name, value, raw, note) {
  const percent = 100 * (1 - value / raw);
  return {
    name,
    value: round(value),
    unit: "B",
    budget: `≥ ${BUDGET_PERCENT} % less than raw`,
    ok: percent >= BUDGET_PERCENT,
    note: `${percent.toFixed(1)} % less than raw (${round(raw)} B with index); ${note}`,
  };
}

function round(value) {
  return Math.round(value * 100) / 100;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  console.table(await run({ quick: process.argv.includes("--quick") }));
}
