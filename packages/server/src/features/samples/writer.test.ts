import { readdir } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { createFolder, eventually } from "../../../test/harness.js";
import { type Proxy, startProxy } from "../../../test/proxy.js";
import { addJob, createWorld, sampleAt, type World } from "../../../test/samples.js";
import { type DatabaseHandle, openDatabase } from "../../platform/db.js";
import { createLogger } from "../../platform/log.js";
import { ensurePartitions } from "./partitions.js";
import type { SampleRecord } from "./sample.js";
import { PostgresStore } from "./sample-store.js";
import { SampleWriter, type SampleWriterOptions } from "./writer.js";

const log = createLogger("silent", "test");
const JOB = 7;
/** In the middle of an hour: samples of an hour that is over are stored in another way. */
const now = Math.floor(Date.now() / 3_600_000) * 3_600_000 + 1_800_000;

interface OpenWriter extends AsyncDisposable {
  database: DatabaseHandle;
  writer: SampleWriter;
  stored: SampleRecord[];
}

async function openWriter(
  url: string,
  spoolFolder: string,
  options: Partial<SampleWriterOptions> = {},
): Promise<OpenWriter> {
  const database = openDatabase(url, { poolSize: 2, applicationName: "writer" });
  const stored: SampleRecord[] = [];
  const writer = await SampleWriter.open({
    store: new PostgresStore(database, log),
    spoolMaxBytes: 1024 ** 3,
    spoolFolder,
    batchSize: 100,
    flushIntervalMs: 50,
    log,
    registry: new Registry(),
    clock: { now: () => now, monotonic: () => performance.now() },
    onConfirmed: (samples) => stored.push(...samples),
    ...options,
  });
  return {
    database,
    writer,
    stored,
    async [Symbol.asyncDispose]() {
      await writer.stop(1_000);
      await database.close();
    },
  };
}

async function storedSequence(world: World): Promise<number[]> {
  const { rows } = await world.database.pool.query<{ sequence_number: number }>(
    "select sequence_number from samples order by slot",
  );
  return rows.map((row) => row.sequence_number);
}

const countTo = (count: number) => Array.from({ length: count }, (_, index) => index);
const sample = (index: number, more: Partial<SampleRecord> = {}) =>
  sampleAt(now - 60_000 + index, JOB, { sequenceNumber: index, ...more });

test("stores every field of a sample when it has waited for the flush interval", async () => {
  await using world = await createWorld();
  await using open = await openWriter(world.url, await createFolder());
  open.writer.add(
    sample(3, {
      status: 1,
      rttUs: 1_234,
      jitterUs: 5,
      latenessUs: 6,
      recordedAtMs: now + 0.125,
      errorCode: "http_body",
      error: `"quoted" {braces}, back\\slash, 'it''s' \0 ünïcode 💡`,
      phases: { dns: 1.5, connect: 2 },
    }),
  );
  await eventually(() => expect(open.stored).toHaveLength(1));
  const { rows } = await world.database.pool.query(
    "select *, extract(epoch from recorded_at) as at from samples",
  );
  expect(rows).toMatchObject([
    {
      slot: now - 59_997,
      job_no: JOB,
      location_no: 1,
      status: 1,
      rtt_us: 1_234,
      jitter_us: 5,
      lateness_us: 6,
      sequence_number: 3,
      error_code: "http_body",
      error: `"quoted" {braces}, back\\slash, 'it''s'  ünïcode 💡`,
      phases: { dns: 1.5, connect: 2 },
    },
  ]);
  expect(Number(rows[0].at) * 1_000).toBeCloseTo(now + 0.125, 2);
});

test("stores a slot once, whoever writes it first, and tells whoever measured it that it is there", async () => {
  await using world = await createWorld();
  await using first = await openWriter(world.url, await createFolder());
  await using second = await openWriter(world.url, await createFolder());
  first.writer.add(sample(0));
  first.writer.add(sample(0, { rttUs: 1 }));
  first.writer.add(sample(1));
  await first.writer.flush();
  second.writer.add(sample(1, { rttUs: 2 }));
  second.writer.add(sample(2));
  await second.writer.flush();
  expect(first.stored.map(({ slot }) => slot)).toEqual(
    [sample(0), sample(0), sample(1)].map(({ slot }) => slot),
  );
  expect(second.stored.map(({ slot }) => slot)).toEqual([sample(1), sample(2)].map(({ slot }) => slot));
  expect(first.writer.stats.conflicts + second.writer.stats.conflicts).toBe(2);
  const { rows } = await world.database.pool.query("select rtt_us from samples order by slot");
  expect(rows.map((row) => row.rtt_us)).toEqual([10_000, 10_000, 10_000]);
});

test("does not tell of what contradicts the database: another poller measured the slot meanwhile", async () => {
  await using world = await createWorld();
  await using online = await openWriter(world.url, await createFolder());
  await using offline = await openWriter(world.url, await createFolder());
  for (const index of countTo(3)) online.writer.add(sample(index));
  await online.writer.flush();
  const missed = { status: 1, rttUs: null } as const;
  for (const index of countTo(5)) offline.writer.add(sample(index, index === 1 ? {} : missed));
  await offline.writer.flush();
  expect(offline.stored.map(({ sequenceNumber }) => sequenceNumber)).toEqual([1, 3, 4]);
  expect(offline.writer.stats).toMatchObject({ stored: 2, conflicts: 3 });
});

test("writes a full batch without waiting, and samples of many hours by creating their partitions", async () => {
  await using world = await createWorld();
  await using open = await openWriter(world.url, await createFolder(), { flushIntervalMs: 3_600_000 });
  for (const index of countTo(100)) open.writer.add(sampleAt(now - index * 3_600_000, JOB));
  await eventually(() => expect(open.stored).toHaveLength(100));
});

test("leaves a sample out that cannot be stored, and stores all the others", async () => {
  await using world = await createWorld();
  await using open = await openWriter(world.url, await createFolder());
  const bad = [3, 500, 999];
  for (const index of countTo(1_000)) {
    open.writer.add(sample(index, bad.includes(index) ? { rttUs: Number.NaN } : {}));
  }
  open.writer.add(sampleAt(86_400_000, JOB)); // in 1970
  await open.writer.flush();
  expect(await storedSequence(world)).toEqual(countTo(1_000).filter((index) => !bad.includes(index)));
  expect(open.writer.stats).toMatchObject({ stored: 997, dropped: 4, conflicts: 0 });
});

test("counts stray replies by the hour, and forgets those of deleted jobs", async () => {
  await using world = await createWorld();
  const { jobNo } = await addJob(world, []);
  await using open = await openWriter(world.url, await createFolder());
  const hour = Date.UTC(2026, 0, 1, 5);
  for (const round of [1, 2]) {
    open.writer.strayReply(jobNo, 1, "duplicate", hour + 1);
    open.writer.strayReply(jobNo, 1, "late", hour + 2);
    open.writer.strayReply(jobNo, 1, "duplicate", hour + 3_599_999);
    open.writer.strayReply(jobNo + 1, 1, "late", hour);
    await open.writer.flush();
    const { rows } = await world.database.pool.query("select * from stray_replies");
    expect(rows).toEqual([
      {
        hour_slot: hour,
        job_no: jobNo,
        location_no: 1,
        duplicate_count: 2 * round,
        late_count: round,
      },
    ]);
  }
});

async function outage(during: (proxy: Proxy, open: OpenWriter) => Promise<void>): Promise<number[]> {
  await using world = await createWorld();
  await using proxy = await startProxy(world.url);
  await using open = await openWriter(proxy.url, await createFolder());
  for (const index of countTo(50)) open.writer.add(sample(index));
  await eventually(() => expect(open.writer.stats.stored).toBe(50));
  await during(proxy, open);
  await proxy.mend();
  for (const index of countTo(50)) open.writer.add(sample(300 + index));
  await eventually(() => expect(open.writer.stats.stored).toBe(350), { withinMs: 15_000 });
  expect(open.stored.map((stored) => stored.sequenceNumber)).toEqual(countTo(350));
  expect(open.writer.stats).toMatchObject({ dropped: 0, storeReachable: true });
  await eventually(() => expect(open.writer.stats.spoolBytes).toBe(0));
  return storedSequence(world);
}

test("keeps samples on disk while the database is away, and stores them in order afterwards", async () => {
  const sequence = await outage(async (proxy, { writer }) => {
    await proxy.cut();
    for (const index of countTo(250)) {
      writer.add(sample(50 + index));
      if (index % 50 === 49) await writer.flush();
    }
    expect(writer.stats).toMatchObject({ buffered: 0, spooled: 250, storeReachable: false });
  });
  expect(sequence).toEqual(countTo(350));
});

test("moves what waits behind a write that hangs to disk, before that is given up", async () => {
  await using world = await createWorld();
  await ensurePartitions(world.database.db, now);
  await using proxy = await startProxy(world.url);
  await using open = await openWriter(proxy.url, await createFolder());
  open.writer.add(sample(0));
  await open.writer.flush();
  proxy.freeze();
  open.writer.add(sample(1));
  await eventually(() => expect(open.writer.stats.buffered).toBe(0));
  open.writer.add(sample(2));
  await eventually(
    () => expect(open.writer.stats).toMatchObject({ spooled: 2, buffered: 0, storeReachable: true }),
    { withinMs: 8_000 },
  );
  await proxy.cut();
  await proxy.mend();
  await eventually(() => expect(open.writer.stats).toMatchObject({ stored: 3, spoolBytes: 0 }), {
    withinMs: 15_000,
  });
  expect(await storedSequence(world)).toEqual([0, 1, 2]);
});

test("tells of samples whose commit it did not hear of, when they turn out to be stored", async () => {
  await using world = await createWorld();
  await ensurePartitions(world.database.db, now);
  await using proxy = await startProxy(world.url);
  await using open = await openWriter(proxy.url, await createFolder());
  open.writer.add(sample(0));
  await open.writer.flush();
  // Connections that stand already: one may be held up by the notification of the first sample.
  await Promise.all([1, 2].map(() => open.database.pool.query("select pg_sleep(0.1)")));
  // The statement arrives and commits; its answer does not come back.
  proxy.holdAnswers();
  for (const index of countTo(100)) open.writer.add(sample(1 + index));
  await eventually(async () => expect(await storedSequence(world)).toHaveLength(101));
  expect(open.stored).toHaveLength(1);
  await proxy.cut();
  await proxy.mend();
  await eventually(() => expect(open.stored).toHaveLength(101), { withinMs: 15_000 });
  expect(open.stored.map((stored) => stored.sequenceNumber)).toEqual(countTo(101));
  expect(open.writer.stats).toMatchObject({ stored: 1, conflicts: 100, dropped: 0 });
});

test("hands what an earlier run could not store to the next one", async () => {
  await using world = await createWorld();
  await using proxy = await startProxy(world.url);
  const spoolFolder = await createFolder();
  await proxy.cut();
  {
    await using open = await openWriter(proxy.url, spoolFolder, {
      flushIntervalMs: 3_600_000,
      batchSize: 10_000,
    });
    for (const index of countTo(500)) open.writer.add(sample(index));
    await open.writer.stop(1_000);
    expect(open.writer.stats).toMatchObject({ spooled: 500, dropped: 0 });
  }
  await using open = await openWriter(world.url, spoolFolder);
  await eventually(() => expect(open.writer.stats.stored).toBe(500));
  expect(await storedSequence(world)).toEqual(countTo(500));
  expect(
    (await readdir(spoolFolder, { recursive: true })).filter((name) => name.endsWith(".segment")),
  ).toEqual([]);
});

test("stops within its deadline while the database hangs, and loses nothing", async () => {
  await using world = await createWorld();
  await ensurePartitions(world.database.db, now);
  await using proxy = await startProxy(world.url);
  const spoolFolder = await createFolder();
  {
    await using open = await openWriter(proxy.url, spoolFolder);
    open.writer.add(sample(0));
    await open.writer.flush();
    proxy.freeze();
    for (const index of countTo(150)) open.writer.add(sample(1 + index)); // the first 100 leave at once and hang
    for (const index of countTo(50)) open.writer.add(sample(151 + index));
    const startedAt = performance.now();
    await open.writer.stop(200);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    await proxy.cut();
  }
  await using open = await openWriter(world.url, spoolFolder);
  await eventually(() => expect(open.writer.stats.spoolBytes).toBe(0));
  expect(await storedSequence(world)).toEqual(countTo(201));
});

test("samples that come in a stream share their writes", async () => {
  await using world = await createWorld();
  const registry = new Registry();
  await using open = await openWriter(world.url, await createFolder(), { batchSize: 1, registry });
  const startedAt = performance.now();
  for (let index = 0; performance.now() - startedAt < 400; index++) {
    open.writer.add(sample(index));
    await delay(1);
  }
  await open.writer.flush();
  const elapsedMs = performance.now() - startedAt;
  const count = Number(/^nightbell_sample_flush_seconds_count (\d+)/m.exec(await registry.metrics())?.[1]);
  expect(open.writer.stats.stored).toBe(open.stored.length);
  // One every 50 ms, and the flush.
  expect(count).toBeLessThanOrEqual(elapsedMs / 50 + 2);
  expect(count).toBeGreaterThan(2);
});
