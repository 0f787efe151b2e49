// Pollers share jobs while some are killed, added, cut off and stopped, in an order that SEED decides. Afterwards every
// due slot is stored once, except those that a kill explains, and no alert about a target was raised: none ever failed.
//
// `npm test` runs one round; `npm run chaos` runs rounds for DURATION seconds. Each poller is a host of its own, in a
// network namespace; where these are not permitted it reaches its database through a proxy that stops passing on.
import { setTimeout as delay } from "node:timers/promises";
import type { Job, PollerPage } from "@nightbell/contract";
import { describe, expect, test } from "vitest";
import { openDatabase } from "../../src/platform/db.js";
import { type ApiClient, apiClient, createFolder, eventually, startNightbell } from "../harness.js";
import { whyNoNetwork } from "../responder/network.js";
import { explain, find } from "./findings.js";
import { Fleet, type Span } from "./fleet.js";
import { type Ground, namespaceGround, proxyGround } from "./ground.js";
import { randomOf, shuffled } from "./random.js";
import { report } from "./report.js";

const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1e9));
/** Seconds; 0 is one round. */
const duration = Number(process.env["DURATION"] ?? 0);
/** A second is long enough that a busy machine makes a probe late, not skipped. */
const CADENCE_MS = Number(process.env["CADENCE_MS"] ?? 1_000);

const JOBS = 60;
const FLUSH_MS = 200;
/** A write that hangs for so long goes to the spool. */
const HANGS_MS = 3_000;
/** Within this a poller that is killed, or cut off, is replaced (M8). */
const REPLACED_MS = 5_000;
/** From a result to its row, on a machine that is busy with other tests. */
const STORED_MS = 2_000;
const START_POLLERS = 3;
/** Two stay in touch with the database whatever happens, so that one may be killed. */
const FEWEST = 2;
/** Longer than a lease. */
const BLACKOUT_MS = 4_500;
const LONGEST_PAUSE_MS = 2_000;
/** How often everything comes to rest before the next thing happens. */
const AT_REST = 0.3;
/** For membership to settle, on a machine that is busy with other tests. */
const SETTLED_MS = 30_000;

const ACTIONS = ["kill", "add", "cut", "isolate", "mend", "stop", "blackout"] as const;
type Action = (typeof ACTIONS)[number];

async function createJobs(client: ApiClient, { targets }: Ground): Promise<void> {
  await Promise.all(
    Array.from({ length: JOBS }, async (_, index) => {
      const { status } = await client.post<Job>("/api/jobs", {
        ...targets[index % targets.length],
        title: `job ${index}`,
        cadenceSeconds: CADENCE_MS / 1_000,
      });
      expect(status).toBe(201);
    }),
  );
}

/** What went wrong, in sentences; none is expected. */
async function run(createGround: () => Promise<Ground>): Promise<string[]> {
  const random = randomOf(seed);
  await using ground = await createGround();
  const { url } = ground.postgres;
  await using api = await startNightbell({ command: "serve --roles api,scheduler", databaseUrl: url });
  await using fleet = new Fleet({
    ground,
    dataDir: await createFolder(),
    env: { BATCH_FLUSH_INTERVAL_MS: String(FLUSH_MS) },
    random,
  });
  const { pool, ...database } = openDatabase(url, { poolSize: 1, applicationName: "chaos" });
  await using _ = { [Symbol.asyncDispose]: () => database.close() };
  for (let count = 0; count < START_POLLERS; count += 1) await fleet.add();
  const client = apiClient(api.url);
  await client.register();
  await createJobs(client, ground);

  /** All that reach the database are active, and none other is. */
  const settled = () =>
    eventually(
      async () => {
        const { data } = (await client.get<PollerPage>("/api/pollers?limit=100")).body;
        const living = data.filter(({ state }) => state !== "dead");
        expect(living.map(({ state }) => state)).toEqual(
          Array.from({ length: fleet.connected }, () => "active"),
        );
        expect(living.reduce((sum, { jobCount }) => sum + jobCount, 0)).toBe(JOBS);
      },
      { withinMs: SETTLED_MS, everyMs: 100 },
    );
  /** Every job has a sample of a slot after that time. */
  const measured = (after: number) =>
    eventually(
      async () => {
        const { rows } = await pool.query("select from samples where slot > $1 group by job_no", [after]);
        expect(rows).toHaveLength(JOBS);
      },
      { withinMs: SETTLED_MS, everyMs: 200 },
    );
  const blackouts: Span[] = [];
  const actions: Record<Action, () => Promise<void> | void> = {
    kill: () => fleet.kill(),
    add: () => fleet.add(),
    cut: () => fleet.cut(),
    isolate: () => fleet.isolate(),
    mend: () => fleet.mend(),
    stop: () => fleet.stop(),
    async blackout() {
      const startedAt = Date.now();
      ground.cut();
      await delay(BLACKOUT_MS);
      await ground.mend();
      blackouts.push({ from: startedAt, to: Date.now() });
    },
  };
  const costsOne = new Set<Action>(["kill", "cut", "isolate", "stop"]);

  await settled();
  await measured(Date.now());
  const from = Date.now();
  const history: { action: Action; at: number }[] = [];
  const act = async (action: Action) => {
    history.push({ action, at: Date.now() });
    await actions[action]();
  };
  do {
    for (const action of shuffled(ACTIONS, random)) {
      while (costsOne.has(action) && fleet.connected <= FEWEST) await act("add");
      await act(action);
      // Mostly the next thing happens while this one is still being dealt with.
      if (random() < AT_REST) await settled();
      else await delay(random() * LONGEST_PAUSE_MS);
    }
  } while (Date.now() - from < duration * 1_000);
  await act("mend");
  await act("add"); // It stores what those that were killed had spooled.
  await settled();
  const to = Date.now();
  await measured(to);

  const judge = async () => {
    const findings = await find(pool, { from, to });
    const gaps = explain(findings, CADENCE_MS, {
      kills: fleet.kills,
      unflushedMs: FLUSH_MS + HANGS_MS + STORED_MS,
      takeoverMs: REPLACED_MS,
      blackouts,
      standstills: fleet.standstills(),
    });
    return { ...findings, gaps };
  };
  // Spools may still be on their way to the database.
  const whenStored = async () => {
    if ((await judge()).gaps.unexplained.length > 0) throw new Error("something is missing");
  };
  await eventually(whenStored, { withinMs: 15_000, everyMs: 500 }).catch(() => undefined);
  const { due, stored, twice, alerts, gaps } = await judge();

  const counts = await fleet.counts();
  const times = (action: Action) => history.filter((event) => event.action === action).length;
  await report("Pollers", `${ground.name}, SEED=${seed}`, {
    "seconds, jobs, cadence": `${Math.round((to - from) / 1_000)} s, ${JOBS}, ${CADENCE_MS} ms`,
    "cut from the database": times("cut"),
    "cut from everything": times("isolate"),
    "killed with kill -9": `${fleet.kills.length}, ${fleet.kills.filter(({ awaySince }) => awaySince !== null).length} of them cut off`,
    added: times("add"),
    stopped: times("stop"),
    "database out of reach of all": times("blackout"),
    "due slots": due,
    stored,
    "stored twice": twice,
    "duplicates offered": counts.conflicts,
    "samples spooled": counts.spooled,
    "gaps, and the longest": `${gaps.count}, ${gaps.longestMs} ms`,
    "the longest while nobody reached the database": `${gaps.longestInBlackoutMs} ms`,
    "from a kill (or the database's return) to the last slot that nobody measured": `${gaps.takeoverMs} ms`,
    "missing for no such reason": gaps.unexplained.length,
    "skipped by late pollers, and counted": counts.skipped,
    "standstills of the machine": fleet.standstills().length,
    "alerts about targets": alerts.length,
  });
  // At a faster cadence a poller that is late probes the newest slot, and skips and counts those before.
  const isSkipped = gaps.unexplained.length <= counts.skipped;
  const faults = [
    ...(isSkipped ? [] : gaps.unexplained).map(({ jobNo, slot }) => `job ${jobNo} lacks slot ${slot}`),
    ...fleet.crashes(),
    ...alerts.map((title) => `an alert: ${title}`),
    ...(twice > 0 ? [`${twice} slots are stored more than once`] : []),
  ];
  if (faults.length > 0)
    console.log(`what happened (SEED=${seed}): ${JSON.stringify({ from, to, history, kills: fleet.kills })}`);
  return faults;
}

describe(`pollers that come and go (SEED=${seed})`, () => {
  const obstacle = whyNoNetwork();
  const timeoutMs = duration * 1_000 + 240_000;
  const form = obstacle === null ? "network namespaces" : `proxies, for ${obstacle}`;

  test(
    `leave no slot without a sample or a reason, and raise no alert (${form})`,
    { timeout: timeoutMs },
    async () => {
      expect(await run(obstacle === null ? namespaceGround : proxyGround)).toEqual([]);
    },
  );
});
