// Several poller processes share jobs while some are killed, added, cut off and stopped, in an order that SEED decides.
// Afterwards every due slot is stored, except those that a kill explains, and those are counted as gaps.
//
// `npm test` runs one round; `npm run chaos` runs rounds for DURATION seconds, and again with each poller in a network
// namespace of its own, where these are permitted.
import type { Job, PollerPage, Summary } from "@nightbell/contract";
import { describe, expect, test } from "vitest";
import { openDatabase } from "../../src/platform/db.js";
import {
  type ApiClient,
  apiClient,
  createDatabase,
  createFolder,
  eventually,
  type RunningNightbell,
  startNightbell,
} from "../harness.js";
import { startProxy } from "../proxy.js";
import { createHost, whyNoNetwork } from "../responder/network.js";
import { randomOf } from "./random.js";

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

/** A time, in milliseconds since the epoch, from one to the other. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/** Between a poller and its database. */
interface Link extends AsyncDisposable {
  readonly databaseUrl: string;
  readonly namespace?: string;
  cut(): void;
  mend(): Promise<void>;
}

async function proxyLink(databaseUrl: string): Promise<Link> {
  const proxy = await startProxy(databaseUrl);
  return {
    databaseUrl: proxy.url,
    cut: () => proxy.freeze(),
    async mend() {
      await proxy.cut(); // What was sent meanwhile is lost for good, as behind a firewall that has forgotten.
      await proxy.mend();
    },
    [Symbol.asyncDispose]: () => proxy.cut(),
  };
}

async function namespaceLink(databaseUrl: string): Promise<Link> {
  const host = createHost();
  const proxy = await startProxy(databaseUrl, host.address(1));
  return {
    databaseUrl: proxy.url,
    namespace: host.namespace,
    cut: () => host.cut(),
    mend: async () => host.mend(),
    async [Symbol.asyncDispose]() {
      await proxy.cut();
      host.remove();
    },
  };
}

class Fleet implements AsyncDisposable {
  readonly #random = randomOf(seed);
  readonly #databaseUrl: string;
  readonly #dataDir: string;
  readonly #connect: (databaseUrl: string) => Promise<Link>;
  readonly #pollers: { program: RunningNightbell; link: Link }[] = [];
  readonly #all: RunningNightbell[] = [];
  /** When pollers were killed. */
  readonly kills: number[] = [];

  constructor(databaseUrl: string, dataDir: string, connect: (databaseUrl: string) => Promise<Link>) {
    this.#databaseUrl = databaseUrl;
    this.#dataDir = dataDir;
    this.#connect = connect;
  }

  get size(): number {
    return this.#pollers.length;
  }

  /** The actions of a round in this round's order. */
  round(): ("kill" | "add" | "cut" | "stop")[] {
    const left = ["kill", "add", "cut", "stop"] as const;
    return left
      .map((action) => ({ action, rank: this.#random() }))
      .toSorted((a, b) => a.rank - b.rank)
      .map(({ action }) => action);
  }

  async add(): Promise<void> {
    const link = await this.#connect(this.#databaseUrl);
    const program = await startNightbell({
      command: "serve --roles poller",
      databaseUrl: link.databaseUrl,
      dataDir: this.#dataDir,
      env: { BATCH_FLUSH_INTERVAL_MS: String(FLUSH_MS), LOG_LEVEL: "info" },
      ...(link.namespace !== undefined && { namespace: link.namespace }),
    });
    this.#pollers.push({ program, link });
    this.#all.push(program);
  }

  /** When the machine let a poller stand still for over a second: what was due then is skipped, and logged. */
  standstills(): Span[] {
    const lines = this.#all.flatMap((program) => program.output().split("\n"));
    return lines
      .filter((line) => line.includes("this process stood still"))
      .map((line) => JSON.parse(line) as { time: number; behindMs: number })
      .map(({ time, behindMs }) => ({ from: time - behindMs - CADENCE_MS, to: time }));
  }

  /** The whole machine: the supervisor, and the process that measures. */
  async kill(): Promise<void> {
    const { program, link } = this.#take();
    const pollerPid = Number(/"pollerPid":(\d+)/.exec(program.output())?.[1]);
    const gone = program.kill9();
    process.kill(pollerPid, "SIGKILL");
    this.kills.push(Date.now());
    await gone;
    await program[Symbol.asyncDispose]();
    await link[Symbol.asyncDispose]();
  }

  async stop(): Promise<void> {
    const { program, link } = this.#take();
    expect(await program.stop()).toBe(0);
    await link[Symbol.asyncDispose]();
  }

  /** For as long as it takes the others to notice and to measure its jobs. */
  async cut(whileCut: () => Promise<void>): Promise<void> {
    const poller = this.#take();
    poller.link.cut();
    await whileCut();
    await poller.link.mend();
    this.#pollers.push(poller);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { program, link } of this.#pollers.splice(0)) {
      await program[Symbol.asyncDispose]();
      await link[Symbol.asyncDispose]();
    }
  }

  #take() {
    const [poller] = this.#pollers.splice(Math.floor(this.#random() * this.#pollers.length), 1);
    if (poller === undefined) throw new Error("no poller is left");
    return poller;
  }
}

async function createJobs(client: ApiClient): Promise<Job[]> {
  const half = { cadenceSeconds: CADENCE_MS / 1_000, type: "tcp", target: "127.0.0.1:1" };
  return Promise.all(
    Array.from({ length: JOBS }, async (_, index) => {
      const monitoringMode = index % 2 === 0 ? "simulated" : "real_polling";
      const { status, body } = await client.post<Job>("/api/jobs", {
        ...half,
        title: `job ${index}`,
        monitoringMode,
      });
      expect(status).toBe(201);
      return body;
    }),
  );
}

async function run(connect: (databaseUrl: string) => Promise<Link>): Promise<void> {
  await using testDatabase = await createDatabase();
  const database = openDatabase(testDatabase.url, { poolSize: 2, applicationName: "chaos" });
  await using _pool = { [Symbol.asyncDispose]: () => database.close() };
  await using api = await startNightbell({
    command: "serve --roles api,scheduler",
    databaseUrl: testDatabase.url,
  });
  await using fleet = new Fleet(testDatabase.url, await createFolder(), connect);
  await Promise.all(Array.from({ length: START_POLLERS }, () => fleet.add()));
  const client = apiClient(api.url);
  await client.register();
  const jobs = await createJobs(client);

  const slotsOf = async () => {
    const { rows } = await database.pool.query<{ id: string; slots: number[] }>(
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
  const history: { action: string; at: number }[] = [];
  const actions: Record<ReturnType<Fleet["round"]>[number], () => Promise<void>> = {
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

  await eventually(
    async () => {
      const stored = await slotsOf();
      const gaps = [...fleet.kills.map(gapOf), ...fleet.standstills()];
      for (const { id } of jobs) {
        const slots = (stored.get(id) ?? []).filter((slot) => slot >= from && slot < to);
        expect(new Set(slots).size).toBe(slots.length);
        const missing = missingSlots(stored.get(id) ?? [], from, to);
        const unexplained = missing.filter((slot) => !gaps.some((gap) => slot > gap.from && slot <= gap.to));
        expect(unexplained, `of job ${id} after ${JSON.stringify(history)}`).toEqual([]);
        const window = `from=${new Date(from).toISOString()}&to=${new Date(to).toISOString()}`;
        const { body } = await client.get<Summary>(`/api/jobs/${id}/summary?${window}`);
        expect(body.sampleCount).toBe(slots.length);
        expect(body.expectedCount - body.sampleCount).toBe(missing.length);
      }
    },
    { withinMs: 10_000, everyMs: 500 },
  );
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
    () => run(proxyLink),
    timeoutMs,
  );

  const obstacle = whyNoNetwork();
  test.skipIf(duration === 0 || obstacle !== null)(
    `the same with a network of their own${obstacle === null ? "" : ` (skipped: ${obstacle})`}`,
    () => run(namespaceLink),
    timeoutMs,
  );
});
