import type { Sample } from "@nightbell/contract";
import type { Pool, PoolClient } from "pg";
import { Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import { ageAt } from "../../../../test/ageing.js";
import { addJob, createWorld, sampleAt, store, type TestJob, type World } from "../../../../test/samples.js";
import type { Grid } from "../../jobs/index.js";
import { readPage } from "../page.js";
import { partitionedHours } from "../partitions.js";
import { HOUR_MS, type SampleRecord } from "../sample.js";
import { findSampledJob } from "../sampled-job.js";
import { storeBatch } from "../store.js";
import { readSummary } from "../summary.js";
import { SETTLING_MS } from "./hours.js";
import { DAY_MS } from "./queries.js";
import { removeChunksOf } from "./remove.js";

const START = Date.UTC(2026, 10, 1);
/** All hours of the tests are over. */
const NOW = START + 2 * DAY_MS;
const LATER = NOW + SETTLING_MS;

const grid = (cadenceMs: number, more: Partial<Grid> = {}): Grid => ({
  fromSlot: START + 137,
  toSlot: START + 3 * HOUR_MS,
  cadenceMs,
  firstSequence: 1_000,
  ...more,
});

interface MeasuredJob extends TestJob {
  samples: SampleRecord[];
}

/** A job with a sample for each slot of its grid: RTTs that differ, losses with errors, and phases. */
async function addMeasured(
  world: World,
  grid: Grid,
  keep: (slot: number) => boolean = () => true,
): Promise<MeasuredJob> {
  const job = await addJob(world, [grid]);
  return { ...job, samples: samplesOf(job, grid).filter(({ slot }) => keep(slot)) };
}

function samplesOf({ jobNo }: TestJob, grid: Grid): SampleRecord[] {
  const count = Math.ceil(((grid.toSlot ?? 0) - grid.fromSlot) / grid.cadenceMs);
  return Array.from({ length: count }, (_, index) => {
    const slot = grid.fromSlot + index * grid.cadenceMs;
    const isLost = index % 17 === 3;
    const rttUs = 20_000 + ((index * 7_919) % 4_000);
    return sampleAt(slot, jobNo, {
      ...(isLost
        ? { status: 1, rttUs: null, errorCode: "timeout", error: `no answer to "${index % 3}"` }
        : { rttUs, phases: { dns: 0.5, connect: rttUs / 1_000 } }),
      latenessUs: (index % 5) * 1_000,
      sequenceNumber: grid.firstSequence + index,
      recordedAtMs: slot + 25,
    });
  });
}

/** Everything the API has of a job, newest first. */
async function readAll(world: World, { id }: TestJob): Promise<Sample[]> {
  const job = await findSampledJob(world.database, world.organisationId, id);
  const samples: Sample[] = [];
  for (let cursor: string | undefined; ;) {
    const { data, pagination } = await readPage(world.database, job, { limit: 500, cursor }, NOW);
    samples.push(...data);
    if (pagination.nextCursor === null) return samples;
    cursor = pagination.nextCursor;
  }
}

async function count(world: World, table: string): Promise<number> {
  const { rows } = await world.database.pool.query<{ count: number }>(`select count(*) from ${table}`);
  return rows[0]?.count ?? 0;
}

describe("hours that are over", { timeout: 60_000 }, () => {
  test("are packed after their retention, read as before, and leave their partitions", async () => {
    await using world = await createWorld();
    const fast = await addMeasured(world, grid(10_000));
    const slow = await addMeasured(world, grid(60_000));
    await store(world, [...fast.samples, ...slow.samples], NOW);
    const before = [await readAll(world, fast), await readAll(world, slow)];
    expect(before.map((samples) => samples.length)).toEqual([1_080, 180]);

    await ageAt(world, START + 26 * HOUR_MS, { rawRetentionHours: 24 });
    expect(await count(world, "sample_hours")).toBe(2);
    // What reads began before goes on finding its partition.
    expect(await partitionedHours(world.database.db, NOW)).toHaveLength(3);
    await ageAt(world, START + 27 * HOUR_MS, { rawRetentionHours: 24 });
    await ageAt(world, START + 28 * HOUR_MS, { rawRetentionHours: 24 });
    expect(await partitionedHours(world.database.db, NOW)).toEqual([]);
    // An hour of the slow job is too little for a chunk to keep.
    expect([await count(world, "sample_chunks"), await count(world, "interim_chunks")]).toEqual([3, 3]);
    expect([await readAll(world, fast), await readAll(world, slow)]).toEqual(before);

    await ageAt(world, START + 49 * HOUR_MS, { rawRetentionHours: 24 });
    expect([await count(world, "sample_chunks"), await count(world, "interim_chunks")]).toEqual([4, 0]);
    expect([await readAll(world, fast), await readAll(world, slow)]).toEqual(before);
  });

  test("go on where they were when the process is killed at any statement, and are read as before all the time", async () => {
    await using world = await createWorld();
    const fast = await addMeasured(world, grid(10_000, { toSlot: START + HOUR_MS + 600_000 }));
    const slow = await addMeasured(world, grid(120_000, { toSlot: START + HOUR_MS + 600_000 }));
    const late = fast.samples.splice(100, 20);
    await store(world, [...fast.samples, ...slow.samples], NOW);
    let now = NOW;
    let kills = 0;
    const ageWithKills = async () => {
      for (let after = 0; ; after += 1) {
        const killed = killAfter(world, after);
        now += SETTLING_MS;
        const outcome = await ageAt(killed, now).catch((error: Error) => error.message);
        if (outcome === undefined) return;
        expect(outcome).toBe("killed");
        kills += 1;
        expect(await readAll(world, fast)).toEqual(beforeFast);
        expect(await readAll(world, slow)).toEqual(beforeSlow);
      }
    };
    let beforeFast = await readAll(world, fast);
    const beforeSlow = await readAll(world, slow);
    await ageWithKills();
    // And once more with samples that came late.
    await store(world, late, now);
    beforeFast = await readAll(world, fast);
    expect(beforeFast).toHaveLength(420);
    await ageWithKills();
    expect(kills).toBeGreaterThan(30);
    const left = ["late_samples", "interim_chunks", "samples"].map((table) => count(world, table));
    expect(await Promise.all(left)).toEqual([0, 0, 0]);
  });

  test("go on after the last batch that was committed", async () => {
    await using world = await createWorld();
    const { pool } = world.database;
    const jobs = 2_500;
    await pool.query(
      `insert into jobs (id, organisation_id, title, type, target, options, cadence_ms, monitoring_mode, simulation,
         locations, thresholds, status)
       select gen_random_uuid(), $1, 'Test', 'tcp', '127.0.0.1:1', '{}', 1000, 'real_polling', '{}', '{default}', '{}', 'running'
       from generate_series(1, $2)`,
      [world.organisationId, jobs],
    );
    const { rows } = await pool.query<{ job_no: number }>("select job_no from jobs");
    await store(
      world,
      rows.map(({ job_no }) => sampleAt(START, job_no)),
      NOW,
    );
    const stop = new AbortController();
    stop.abort();
    // It ends with the batch that is under way.
    await expect(ageAt(world, NOW, { signal: stop.signal })).rejects.toHaveProperty("name", "AbortError");
    expect(await count(world, "interim_chunks")).toBe(1_000);
    await expect(ageAt(world, NOW, { signal: stop.signal })).rejects.toHaveProperty("name", "AbortError");
    expect(await count(world, "interim_chunks")).toBe(2_000);
    const registry = new Registry();
    await ageAt(world, NOW, { registry });
    expect([await count(world, "sample_chunks"), await count(world, "interim_chunks")]).toEqual([jobs, 0]);
    expect(await registry.metrics()).toContain("nightbell_chunked_samples_total 500");
  });

  test("are read as before while they are packed, and take what comes meanwhile", async () => {
    await using world = await createWorld();
    const job = await addMeasured(world, grid(10_000, { toSlot: START + 12 * HOUR_MS }));
    const early = job.samples.filter((_, index) => index % 40 !== 0);
    const late = job.samples.filter((_, index) => index % 40 === 0);
    await store(world, early, NOW);
    const progress = { isDone: false };
    const ageing = (async () => {
      for (let now = NOW; now <= NOW + 3 * SETTLING_MS; now += SETTLING_MS) await ageAt(world, now);
    })().finally(() => (progress.isDone = true));
    const sampled = await findSampledJob(world.database, world.organisationId, job.id);
    let stored = 0;
    let reads = 0;
    while (!progress.isDone) {
      const expected = early.length + stored;
      expect((await readSummary(world.database, sampled, {}, NOW)).sampleCount).toBe(expected);
      const { data } = await readPage(world.database, sampled, { limit: 500 }, NOW);
      expect(new Set(data.map((sample) => sample.scheduledAt)).size).toBe(500);
      reads += 1;
      const next = late[stored];
      if (next === undefined) continue;
      const { stored: added } = await storeBatch(
        world.database,
        { samples: [next, ...early.slice(0, 50)], strays: [] },
        NOW,
      );
      expect(added).toBe(1);
      stored += 1;
    }
    await ageing;
    expect(reads).toBeGreaterThan(3);
    await store(world, job.samples, NOW);
    expect(await readAll(world, job)).toHaveLength(job.samples.length);
  });
});

describe("samples that come late", { timeout: 60_000 }, () => {
  test("are stored once, sent again they change nothing, wherever the others are", async () => {
    await using world = await createWorld();
    const job = await addMeasured(world, grid(10_000, { toSlot: START + HOUR_MS }));
    const first = job.samples.filter((_, index) => index % 2 === 0);
    await store(world, first, NOW);
    // Packed with its partition still there, then without it, then with late samples of before.
    await ageAt(world, NOW);
    const add = async (samples: SampleRecord[]) =>
      (await storeBatch(world.database, { samples, strays: [] }, NOW)).stored;
    expect(await add(job.samples.slice(0, 20))).toBe(10);
    await ageAt(world, LATER);
    expect(await count(world, "late_samples")).toBe(0);
    expect(await add(job.samples.slice(0, 40))).toBe(10);
    expect(await add([...job.samples, ...job.samples])).toBe(160);
    expect(await add(job.samples)).toBe(0);
    expect(await count(world, "late_samples")).toBe(170);
    expect(await readAll(world, job)).toHaveLength(360);
    await ageAt(world, LATER);
    expect(await count(world, "late_samples")).toBe(0);
    expect(await readAll(world, job)).toHaveLength(360);
    const { rows } = await world.database.pool.query("select sample_count from sample_chunks");
    expect(rows).toEqual([{ sample_count: 360 }]);
    expect(await add(job.samples)).toBe(0);
  });

  test("of an hour that had none at all are packed like any other", async () => {
    await using world = await createWorld();
    const job = await addMeasured(world, grid(10_000));
    await store(
      world,
      job.samples.filter(({ slot }) => slot < START + HOUR_MS),
      NOW,
    );
    await ageAt(world, NOW);
    await store(world, job.samples, NOW);
    await ageAt(world, LATER);
    await ageAt(world, LATER + SETTLING_MS);
    expect(await count(world, "samples")).toBe(0);
    expect(await readAll(world, job)).toHaveLength(1_080);
  });
});

describe("a damaged chunk", () => {
  test("is told to those who ask for its samples, and holds nothing else up", async () => {
    await using world = await createWorld();
    const { pool } = world.database;
    const job = await addMeasured(world, grid(10_000, { toSlot: START + 2 * HOUR_MS }));
    const other = await addMeasured(world, grid(10_000, { toSlot: START + HOUR_MS }));
    const [late] = job.samples.splice(0, 1);
    await store(world, [...job.samples, ...other.samples], NOW);
    await ageAt(world, NOW);
    await pool.query(
      "update sample_chunks set measures = set_byte(measures, 100, get_byte(measures, 100) # 1) where job_no = $1 and first_slot < $2",
      [job.jobNo, START + HOUR_MS],
    );
    await expect(readAll(world, job)).rejects.toMatchObject({
      code: "history_damaged",
      message: expect.stringContaining("2026-11-01T00:00:10.137Z") as string,
    });
    const sampled = await findSampledJob(world.database, world.organisationId, job.id);
    const from = new Date(START + HOUR_MS).toISOString();
    expect((await readSummary(world.database, sampled, { from }, NOW)).sampleCount).toBe(360);
    if (late !== undefined)
      await store(world, [late, sampleAt(START, other.jobNo, { sequenceNumber: 999 })], NOW);
    await ageAt(world, LATER);
    expect(await count(world, "late_samples")).toBe(1);
    expect(await readAll(world, other)).toHaveLength(360);
  });
});

describe("what is no longer wanted", { timeout: 60_000 }, () => {
  test("leaves with the partition of its day", async () => {
    await using world = await createWorld();
    const job = await addMeasured(world, grid(60_000, { toSlot: START + DAY_MS + 6 * HOUR_MS }));
    await store(world, job.samples, NOW);
    await world.database.pool.query(
      "insert into stray_replies (job_no, hour_slot, location_no) values ($1, $2, 1), ($1, $3, 1)",
      [job.jobNo, START, START + DAY_MS],
    );
    const options = { chunkRetentionDays: 3 };
    const tables = ["sample_chunks", "sample_hours", "stray_replies"];
    const counts = async () => Promise.all(tables.map((table) => count(world, table)));
    await ageAt(world, NOW, options);
    await ageAt(world, START + 4 * DAY_MS - 1, options);
    expect(await counts()).toEqual([2, 30, 2]);
    await ageAt(world, START + 4 * DAY_MS, options);
    expect(await counts()).toEqual([1, 6, 1]);
    expect(await readAll(world, job)).toHaveLength(360);
    await ageAt(world, START + 5 * DAY_MS, options);
    expect(await counts()).toEqual([0, 0, 0]);
    expect(await readAll(world, job)).toEqual([]);
  });

  test("leaves with its job: what was packed is removed, what was not is never packed", async () => {
    await using world = await createWorld();
    const { db } = world.database;
    const [kept, gone] = [await addMeasured(world, grid(10_000)), await addMeasured(world, grid(10_000))];
    const isEarly = ({ slot }: SampleRecord) => slot < START + HOUR_MS;
    const all = [...kept.samples, ...gone.samples];
    await store(world, all.filter(isEarly), NOW);
    await ageAt(world, NOW);
    await store(
      world,
      all.filter((sample) => !isEarly(sample)),
      NOW,
    );
    await store(world, [sampleAt(START, gone.jobNo, { sequenceNumber: 1 })], NOW);
    await db.deleteFrom("jobs").where("job_no", "=", gone.jobNo).execute();
    await ageAt(world, LATER);
    await removeChunksOf(world.database.pool, [gone.jobNo]);
    const { rows } = await world.database.pool.query<{ job_no: number }>(
      "select distinct job_no from sample_chunks",
    );
    expect(rows).toEqual([{ job_no: kept.jobNo }]);
    expect(await count(world, "late_samples")).toBe(0);
    expect(await readAll(world, kept)).toHaveLength(1_080);
  });
});

/** The world with a database that breaks for good after so many statements, as it does for a process that is killed. */
function killAfter(world: World, statements: number): World {
  let left = statements;
  const isKilled = () => (left -= 1) < 0;
  const { pool } = world.database;
  const guarded = (client: PoolClient): PoolClient =>
    new Proxy(client, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key);
        if (key === "release") return () => target.release(left < 0);
        if (key !== "query" || typeof value !== "function") {
          return typeof value === "function" ? (value.bind(target) as unknown) : value;
        }
        return (...args: unknown[]) => {
          if (isKilled()) throw new Error("killed");
          return Reflect.apply(value, target, args) as unknown;
        };
      },
    });
  const killed = {
    connect: async () => guarded(await pool.connect()),
    query: async (...args: Parameters<Pool["query"]>) => {
      if (isKilled()) throw new Error("killed");
      return pool.query(...args);
    },
  } as unknown as Pool;
  return { ...world, database: { ...world.database, pool: killed } };
}
