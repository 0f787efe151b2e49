// Several poller processes share jobs while some are killed, added, cut off and stopped, in an order that SEED decides.
// Afterwards every due slot is stored, except those that a kill explains, and those are counted as gaps.
//
// `npm test` runs one round; `npm run chaos` runs rounds for DURATION seconds, and again with each poller in a network
// namespace of its own, where these are permitted.
import type { Job, PollerPage, Summary } from "@nightbell/contract";
import { describe, expect, test } from "vitest";
import { type ApiClient, apiClient, createFolder, eventually, startNightbell } from "../harness.js";
import { whyNoNetwork } from "../responder/network.js";
import { createWorld } from "../samples.js";
import { type Action, Fleet, type FleetOptions, namespaceLink, proxyLink, type Span } from "./fleet.js";

const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1e9));
/** Seconds; 0 is one round. */
const duration = Number(process.env["DURATION"] ?? 0);

const JOBS = 60;
/** Long enough that a busy machine makes a probe late, not skipped. */
const CADENCE_MS = 1_000;
const FLUSH_MS = 200;
/** Within this a killed poller is replaced (M8). */
const REPLACED_MS = 5_000;
/** From a result to its row, on a machine that is busy with other tests. */
const STORED_MS = 2_000;
const CUT_MS = 4_500;
const START_POLLERS = 3;

async function createJobs(client: ApiClient): Promise<Job[]> {
  const tcp = { cadenceSeconds: CADENCE_MS / 1_000, type: "tcp", target: "127.0.0.1:1" };
  return Promise.all(
    Array.from({ length: JOBS }, async (_, index) => {
      const monitoringMode = index % 2 === 0 ? "simulated" : "real_polling";
      const { status, body } = await client.post<Job>("/api/jobs", {
        ...tcp,
        title: `job ${index}`,
        monitoringMode,
      });
      expect(status).toBe(201);
      return body;
    }),
  );
}

const NOTHING_LOST = { unexplained: [], miscounted: [] };

interface Outcome {
  /** Slots without a sample, at a time that no kill explains, and what had happened. */
  readonly unexplained: string[];
  /** Jobs whose summary counts other samples or gaps than there are. */
  readonly miscounted: string[];
}

async function run(connect: FleetOptions["connect"]): Promise<Outcome> {
  await using world = await createWorld();
  await using api = await startNightbell({ command: "serve --roles api,scheduler", databaseUrl: world.url });
  await using fleet = new Fleet({
    databaseUrl: world.url,
    dataDir: await createFolder(),
    connect,
    env: { BATCH_FLUSH_INTERVAL_MS: String(FLUSH_MS) },
    seed,
  });
  await Promise.all(Array.from({ length: START_POLLERS }, () => fleet.add()));
  const client = apiClient(api.url);
  await client.register();
  const jobs = await createJobs(client);

  const slotsOf = async () => {
    const { rows } = await world.database.pool.query<{ id: string; slots: number[] }>(
      "select id, array_agg(slot::float8 order by slot) as slots from samples join jobs using (job_no) group by id",
    );
    return new Map(rows.map(({ id, slots }) => [id, slots]));
  };
  /** Every job has a sample from after that time, within the time that is allowed. */
  const measured = (after: number, withinMs: number) =>
    eventually(
      async () => {
        const slots = await slotsOf();
        for (const { id } of jobs) expect(slots.get(id)?.at(-1)).toBeGreaterThan(after);
      },
      { withinMs, everyMs: 100 },
    );
  /** All that run are active, and none other is. */
  const settled = () =>
    eventually(
      async () => {
        const { data } = (await client.get<PollerPage>("/api/pollers?limit=100")).body;
        const living = data.filter(({ state }) => state !== "dead");
        expect(living.map(({ state }) => state)).toEqual(Array.from({ length: fleet.size }, () => "active"));
        expect(living.reduce((sum, { jobCount }) => sum + jobCount, 0)).toBe(JOBS);
      },
      { withinMs: 20_000, everyMs: 100 },
    );

  await settled();
  await measured(Date.now(), REPLACED_MS + STORED_MS);
  const from = Date.now();
  const history: { action: Action; at: number }[] = [];
  const actions: Record<Action, () => Promise<void>> = {
    add: () => fleet.add(),
    stop: () => fleet.stop(),
    async kill() {
      await fleet.kill();
      await measured(Number(fleet.kills.at(-1)), REPLACED_MS + CADENCE_MS + STORED_MS);
    },
    async cut() {
      await fleet.cut(async () => {
        const cutAt = Date.now();
        await measured(cutAt + CUT_MS, CUT_MS + CADENCE_MS + STORED_MS);
      });
    },
  };
  do {
    for (const action of fleet.round()) {
      if (action !== "add" && fleet.size < 2) await fleet.add();
      await settled();
      history.push({ action, at: Date.now() });
      await actions[action]();
    }
  } while (Date.now() - from < duration * 1_000);
  await settled();
  const to = Date.now();
  // What the one that was cut off had measured comes from its spool.
  await measured(to, CADENCE_MS + STORED_MS);

  const judge = async (): Promise<Outcome> => {
    const stored = await slotsOf();
    const gaps = [...fleet.kills.map(gapOf), ...fleet.standstills()];
    const outcome: Outcome = { unexplained: [], miscounted: [] };
    for (const { id } of jobs) {
      const slots = (stored.get(id) ?? []).filter((slot) => slot >= from && slot < to);
      const missing = missingSlots(slots, from, to);
      for (const slot of missing.filter((due) => !gaps.some((gap) => due > gap.from && due <= gap.to))) {
        outcome.unexplained.push(`${slot} of job ${id} after ${JSON.stringify(history)}`);
      }
      const window = `from=${new Date(from).toISOString()}&to=${new Date(to).toISOString()}`;
      const { sampleCount, expectedCount } = (await client.get<Summary>(`/api/jobs/${id}/summary?${window}`))
        .body;
      const isCounted = sampleCount === slots.length && expectedCount - sampleCount === missing.length;
      if (!isCounted || new Set(slots).size !== slots.length) outcome.miscounted.push(id);
    }
    return outcome;
  };
  // Spools may still be on their way to the database.
  const untilClean = async () => {
    const { unexplained, miscounted } = await judge();
    if (unexplained.length + miscounted.length > 0) throw new Error("something is missing");
  };
  await eventually(untilClean, { withinMs: 10_000, everyMs: 500 }).catch(() => undefined);
  return await judge(); // Before what it asks is disposed of.
}

/** The slots of [from, to) that have no sample. All slots of a job lie on one grid. */
function missingSlots(stored: readonly number[], from: number, to: number): number[] {
  const known = new Set(stored);
  const [any = 0] = stored;
  const missing: number[] = [];
  for (
    let slot = from + ((((any - from) % CADENCE_MS) + CADENCE_MS) % CADENCE_MS);
    slot < to;
    slot += CADENCE_MS
  ) {
    if (!known.has(slot)) missing.push(slot);
  }
  return missing;
}

/** What was measured since the last flush is lost with the poller, and what was due until others had taken over. */
function gapOf(killedAt: number): Span {
  return { from: killedAt - FLUSH_MS - STORED_MS, to: killedAt + REPLACED_MS };
}

describe(`pollers that come and go (SEED=${seed})`, () => {
  const timeoutMs = duration * 1_000 + 180_000;

  test(
    "leave no slot that is neither stored nor a gap that a kill explains",
    async () => {
      expect(await run(proxyLink)).toEqual(NOTHING_LOST);
    },
    timeoutMs,
  );

  const obstacle = whyNoNetwork();
  test.skipIf(duration === 0 || obstacle !== null)(
    `the same with a network of their own${obstacle === null ? "" : ` (skipped: ${obstacle})`}`,
    async () => {
      expect(await run(namespaceLink)).toEqual(NOTHING_LOST);
    },
    timeoutMs,
  );
});
