// Killed under load: `nightbell up` with 10,000 samples a second is ended by SIGKILL, and started again at once. How long
// until every slot is measured and stored again: once when its Postgres outlives it and has to be stopped first, once when
// Postgres is killed as well and has to replay its WAL. Also runs by itself: `node bench/restart.mjs [--quick]`.
import { setTimeout as sleep } from "node:timers/promises";
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

const JOBS = 100_000;
const CADENCE_MS = 10_000;
const BUDGET_SECONDS = 20;
/** Under load before each kill; the second is long enough for the WAL to be as long as it gets between checkpoints. */
const RUNS_MS = [60_000, 270_000];
const QUICK_RUNS_MS = [20_000, 40_000];
/** After all jobs are measured again, until the last of the samples that were missing would be there. */
const SETTLE_MS = 15_000;
/** Of a second's slots; those just under way at its ends may be a sample or two apart from one round to the next. */
const COMPLETE_SHARE = 0.999;
const FILL_TIMEOUT_MS = 300_000;

export async function run({ quick = false } = {}) {
  const [orphanRunMs, replayRunMs] = quick ? QUICK_RUNS_MS : RUNS_MS;
  return withDataDir(async (dataDir) => {
    const targets = await startTargets();
    let program = startProgram(dataDir);
    try {
      const url = await program.url();
      await importJobs(url, await register(url), jobs(targets.ports.tcp));
      await measuringAll(program, FILL_TIMEOUT_MS);
      const rows = [];
      for (const { what, runMs, killsPostgres } of [
        { what: "Postgres lives on and is stopped", runMs: orphanRunMs, killsPostgres: false },
        { what: "Postgres killed as well", runMs: replayRunMs, killsPostgres: true },
      ]) {
        await sleep(runMs);
        const walMib = await walSinceCheckpoint(dataDir);
        const killedAt = await kill(program, killsPostgres);
        program = startProgram(dataDir);
        await measuringAll(program);
        await sleep(SETTLE_MS);
        rows.push(row({ what, walMib, ...(await readRecovery(dataDir, killedAt)) }));
      }
      return rows;
    } finally {
      await program.stop();
      targets.stop();
    }
  });
}

function jobs(tcpPort) {
  return Array.from({ length: JOBS }, (_, index) => {
    const address = loopbackAddress(index);
    const isTcp = index % 10 === 9;
    return {
      title: `${isTcp ? "Port" : "Host"} ${index}`,
      type: isTcp ? "tcp" : "icmp",
      target: isTcp ? `${address}:${tcpPort}` : address,
      cadenceSeconds: CADENCE_MS / 1_000,
    };
  });
}

async function measuringAll(program, timeoutMs) {
  const url = await program.url();
  const isMeasuring = async () => ((await metric(url, "nightbell_poller_jobs")) === JOBS ? true : undefined);
  await until("running jobs", isMeasuring, timeoutMs);
}

/** What would have to be replayed. */
async function walSinceCheckpoint(dataDir) {
  const database = await connectToDatabase(dataDir);
  const { rows } = await database.query(
    "select pg_wal_lsn_diff(pg_current_wal_lsn(), redo_lsn)::bigint as bytes from pg_control_checkpoint()",
  );
  await database.end();
  return Number(rows[0].bytes) / 2 ** 20;
}

/** SIGKILL for the program and its poller at once, and for Postgres and all of its processes. */
async function kill(program, killsPostgres) {
  const [pollerPid, postgresPid] = [await program.pollerPid(), await program.postgresPid()];
  const killedAt = Date.now();
  process.kill(pollerPid, "SIGKILL");
  // It leads a process group of its own.
  if (killsPostgres) process.kill(-postgresPid, "SIGKILL");
  await program.stop("SIGKILL");
  return killedAt;
}

/** Compares each second after the kill with the same second of the last whole round of all jobs before it. */
async function readRecovery(dataDir, killedAt) {
  const database = await connectToDatabase(dataDir);
  try {
    const { rows } = await database.query(
      "select slot / 1000 as second, count(*)::int as count from samples where slot >= $1 group by 1",
      [killedAt - 3 * CADENCE_MS],
    );
    const counts = new Map(rows.map(({ second, count }) => [Number(second), count]));
    const killSecond = Math.floor(killedAt / 1_000);
    const round = CADENCE_MS / 1_000;
    const expected = (second) => counts.get(killSecond - 2 * round + ((second - killSecond) % round)) ?? 0;
    const lastSecond = Math.max(...counts.keys()) - round / 2;
    let lastIncomplete = killSecond;
    for (let second = killSecond; second < lastSecond; second++) {
      if ((counts.get(second) ?? 0) < COMPLETE_SHARE * expected(second)) lastIncomplete = second;
    }
    const first = await database.query(
      "select min(slot) as slot from samples where slot > $1 and recorded_at > to_timestamp($1 / 1000.0) + interval '1 second'",
      [killedAt],
    );
    return {
      completeAfter: lastIncomplete + 1 - killedAt / 1_000,
      firstAfter: (Number(first.rows[0].slot) - killedAt) / 1_000,
      perSecond: expected(killSecond),
    };
  } finally {
    await database.end();
  }
}

function row({ what, walMib, completeAfter, firstAfter, perSecond }) {
  return {
    name: `kill -9 at 10,000 samples/s until all slots are measured again: ${what}`,
    value: completeAfter,
    unit: "s",
    budget: `< ${BUDGET_SECONDS} s`,
    ok: completeAfter < BUDGET_SECONDS,
    note:
      `the first one after ${firstAfter.toFixed(1)} s; ${perSecond.toLocaleString("en")} samples/s before; ` +
      `${Math.round(walMib)} MiB of WAL since the last checkpoint`,
  };
}

if (import.meta.filename === process.argv[1])
  console.table(await run({ quick: process.argv.includes("--quick") }));
