// From samples that are stored to alerts in a real database.
import { randomUUID } from "node:crypto";
import { AlertCondition, type AlertEvent, type JobSelector } from "@nightbell/contract";
import { Registry } from "prom-client";
import { beforeEach, expect, test } from "vitest";
import { eventually } from "../../../test/harness.js";
import { createFolder } from "../../../test/harness.js";
import { startProxy } from "../../../test/proxy.js";
import { addJob, createWorld, sampleAt, store, type TestJob, type World } from "../../../test/samples.js";
import type { Clock } from "../../platform/clock.js";
import { type DatabaseHandle, openDatabase } from "../../platform/db.js";
import { createLogger } from "../../platform/log.js";
import { PostgresStore, type SampleRecord, SampleWriter } from "../samples/index.js";
import { applyDecisions } from "./apply.js";
import { AlertEngine } from "./engine.js";
import { settlePollerAlerts } from "./dead-pollers.js";
import { recordDatabaseOutage } from "./self-alerts.js";
import { settleAlerts } from "./settle.js";

const log = createLogger("silent", "test");
const CADENCE_MS = 1_000;
const START = Math.floor(Date.now() / CADENCE_MS) * CADENCE_MS - 600_000;

/** Stands at the newest sample that a test made. */
let now = START;
const clock: Clock = { now: () => now, monotonic: () => performance.now() };
beforeEach(() => {
  now = START;
});

interface Running extends AsyncDisposable {
  readonly engine: AlertEngine;
  readonly registry: Registry;
  /** Stores samples and tells the engine, as the writer does. */
  store(...samples: SampleRecord[]): Promise<void>;
}

async function startEngine(world: World, database: DatabaseHandle = world.database): Promise<Running> {
  const registry = new Registry();
  const engine = new AlertEngine({ database, clock, log, registry });
  await engine.start();
  return {
    engine,
    registry,
    async store(...samples) {
      await store(world, samples);
      engine.samplesStored(samples);
    },
    [Symbol.asyncDispose]: () => engine.stop(2_000),
  };
}

/** Since long ago, at one second. */
const addRunningJob = (world: World, locations?: string[]) =>
  addJob(
    world,
    [{ fromSlot: START, toSlot: null, cadenceMs: CADENCE_MS, firstSequence: START / CADENCE_MS }],
    locations === undefined ? {} : { locations },
  );

interface RuleOptions {
  condition?: object;
  selector?: JobSelector;
  quorum?: number | null;
  organisationId?: string;
}

async function addRule(world: World, options: RuleOptions = {}): Promise<string> {
  const id = randomUUID();
  const condition = AlertCondition.parse(options.condition ?? { kind: "missed", missed: 3, of: 3 });
  await world.database.db
    .insertInto("alert_rules")
    .values({
      id,
      organisation_id: options.organisationId ?? world.organisationId,
      name: "No answer",
      selector: JSON.stringify(options.selector ?? { kind: "all" }),
      condition: JSON.stringify(condition),
      quorum: options.quorum === undefined ? 1 : options.quorum,
      severity: "critical",
      is_enabled: true,
    })
    .execute();
  return id;
}

function at(job: TestJob, index: number, more: Partial<SampleRecord> = {}): SampleRecord {
  now = Math.max(now, START + index * CADENCE_MS);
  return sampleAt(START + index * CADENCE_MS, job.jobNo, {
    sequenceNumber: START / CADENCE_MS + index,
    ...more,
  });
}
const missedAt = (job: TestJob, index: number, more: Partial<SampleRecord> = {}) =>
  at(job, index, { status: 1, rttUs: null, errorCode: "timeout", error: "no answer", ...more });

async function alertsOf(world: World) {
  const alerts = await world.database.db.selectFrom("alerts").selectAll().orderBy("opened_at").execute();
  const events = await world.database.db
    .selectFrom("alert_events")
    .select(["alert_id", "kind"])
    .orderBy("id")
    .execute();
  return alerts.map((alert) => ({
    ...alert,
    timeline: events
      .filter(({ alert_id }) => alert_id === alert.id)
      .map(({ kind }) => kind as AlertEvent["kind"]),
  }));
}

/** How many states are evaluated. */
async function statesOf({ registry }: Running): Promise<number | undefined> {
  return (await registry.getSingleMetric("nightbell_alert_states")?.get())?.values[0]?.value;
}

async function statuses(world: World): Promise<string[]> {
  return (await alertsOf(world)).map(({ status }) => status);
}

test("raises an alert at the third miss, says what and where, and resolves it after two successes", async () => {
  await using world = await createWorld();
  const job = await addRunningJob(world);
  await addRule(world);
  await using running = await startEngine(world);
  await running.store(at(job, 0), missedAt(job, 1), missedAt(job, 2), missedAt(job, 3));
  const [alert] = await eventually(async () => {
    const alerts = await alertsOf(world);
    expect(alerts).toHaveLength(1);
    return alerts;
  });
  expect(alert).toMatchObject({
    organisation_id: world.organisationId,
    kind: "missed",
    status: "open",
    severity: "critical",
    title: "Test: 3 of the last 3 samples were missed",
    rule_name: "No answer",
    job_id: job.id,
    locations: [{ name: "default", isBad: true, value: 3 }],
    started_at: new Date(START + 3 * CADENCE_MS),
    timeline: ["opened"],
  });
  await running.store(at(job, 4));
  await running.store(at(job, 5));
  await eventually(async () => expect(await statuses(world)).toEqual(["resolved"]));
  const [after] = await alertsOf(world);
  expect(after).toMatchObject({
    resolution: "recovered",
    timeline: ["opened", "location_recovered", "resolved"],
    locations: [{ isBad: false }],
  });
});

test("neither our own errors nor the same sample told again raise an alert", async () => {
  await using world = await createWorld();
  const [job, real] = [await addRunningJob(world), await addRunningJob(world)];
  await addRule(world);
  await using running = await startEngine(world);
  await running.store(at(job, 0));
  for (const index of [1, 2, 3, 4])
    await running.store(at(job, index, { status: 2, rttUs: null, errorCode: "socket" }));
  await running.store(missedAt(job, 5));
  await running.store(missedAt(job, 6));
  for (let time = 0; time < 5; time += 1) await running.store(missedAt(job, 5), missedAt(job, 6));
  // What comes after them was decided after them.
  await running.store(missedAt(real, 7), missedAt(real, 8), missedAt(real, 9));
  await eventually(async () =>
    expect((await alertsOf(world)).map(({ job_id }) => job_id)).toEqual([real.id]),
  );
});

test("a short outage whose misses are known only when it is over is raised and resolved", async () => {
  await using world = await createWorld();
  const job = await addRunningJob(world);
  await addRule(world);
  await using running = await startEngine(world);
  await running.store(at(job, 0));
  await eventually(async () => expect(await statesOf(running)).toBe(1));
  const afterTimeout = (index: number) =>
    missedAt(job, index, { recordedAtMs: START + index * CADENCE_MS + 2_500 });
  await running.store(at(job, 4), at(job, 5), afterTimeout(1), afterTimeout(2), afterTimeout(3));
  await running.store(at(job, 6));
  await eventually(async () => {
    expect(await alertsOf(world)).toMatchObject([
      {
        status: "resolved",
        started_at: new Date(START + 3 * CADENCE_MS),
        timeline: ["opened", "location_recovered", "resolved"],
      },
    ]);
  });
});

test("takes up where the last evaluator stopped: a condition that began before, and one that ended meanwhile", async () => {
  await using world = await createWorld();
  const [worse, better] = [await addRunningJob(world), await addRunningJob(world)];
  await addRule(world);
  {
    await using first = await startEngine(world);
    await first.store(missedAt(better, 0), missedAt(better, 1), missedAt(better, 2), missedAt(worse, 0));
    await eventually(async () => expect(await statuses(world)).toEqual(["open"]));
  }
  // Stored, but whoever stored them was killed before it could evaluate.
  await store(world, [missedAt(worse, 1), missedAt(worse, 2), at(better, 3), at(better, 4)]);
  await using second = await startEngine(world);
  await second.store(missedAt(worse, 3), at(better, 5));
  await eventually(async () => {
    const found = (await alertsOf(world)).map(({ job_id, status }) => `${job_id} ${status}`).sort();
    expect(found).toEqual([`${better.id} resolved`, `${worse.id} open`].sort());
  });
});

test("a job that was measured elsewhere for a while is judged by what was stored meanwhile", async () => {
  await using world = await createWorld();
  const job = await addRunningJob(world);
  await addRule(world);
  await using running = await startEngine(world);
  await running.store(missedAt(job, 0), missedAt(job, 1));
  running.engine.forget(job.jobNo);
  await store(world, [at(job, 2), at(job, 3)]);
  await running.store(missedAt(job, 4));
  await running.store(missedAt(job, 5));
  await running.store(at(job, 6));
  await running.store(missedAt(job, 7), missedAt(job, 8), missedAt(job, 9));
  const [alert] = await eventually(async () => {
    const alerts = await alertsOf(world);
    expect(alerts).toHaveLength(1);
    return alerts;
  });
  expect(alert?.started_at).toEqual(new Date(START + 9 * CADENCE_MS));
});

test("what another poller told the database is corrected by the one that keeps the job", async () => {
  await using world = await createWorld();
  const job = await addRunningJob(world);
  const ruleId = await addRule(world);
  await using running = await startEngine(world);
  await running.store(at(job, 0), at(job, 1), at(job, 2));
  await eventually(async () => expect(await statesOf(running)).toBe(1));
  const statements = [{ locationNo: 1, isBad: true, slot: START + CADENCE_MS, value: 3 }];
  const question = { ruleId, jobNo: job.jobNo, ruleVersion: 1, statements };
  await applyDecisions(world.database.pool, [question], now);
  expect(await statuses(world)).toEqual(["open"]);
  await eventually(async () => expect(await statuses(world)).toEqual(["resolved"]), { withinMs: 15_000 });
});

test("rules that come, change and go are followed within a second or two, on the history that is there", async () => {
  await using world = await createWorld();
  const job = await addRunningJob(world);
  await using running = await startEngine(world);
  await running.store(at(job, 0), missedAt(job, 1), missedAt(job, 2), missedAt(job, 3));
  const id = await addRule(world);
  await eventually(async () => expect(await statuses(world)).toEqual(["open"]));
  const { db } = world.database;
  await db.updateTable("alert_rules").set({ is_enabled: false, version: 2 }).where("id", "=", id).execute();
  await settleAlerts(world.database, now);
  expect(await alertsOf(world)).toMatchObject([{ status: "resolved", resolution: "rule_disabled" }]);
  await db.updateTable("alert_rules").set({ is_enabled: true, version: 3 }).where("id", "=", id).execute();
  await eventually(async () => expect(await statuses(world)).toEqual(["resolved", "open"]));
});

test("a rule is about the jobs it selects, of its own organisation", async () => {
  await using world = await createWorld();
  const other = { ...world, organisationId: randomUUID() };
  await world.database.db
    .insertInto("organisations")
    .values({ id: other.organisationId, name: "Other" })
    .execute();
  const [mine, chosen, theirs] = [
    await addRunningJob(world),
    await addRunningJob(world),
    await addRunningJob(other),
  ];
  await addRule(world, { selector: { kind: "jobs", jobIds: [chosen.id] } });
  await addRule(world, { selector: { kind: "type", type: "icmp" } });
  await addRule(other, { selector: { kind: "type", type: "tcp" } });
  await using running = await startEngine(world);
  for (const index of [0, 1, 2]) {
    await running.store(...[mine, chosen, theirs].map((job) => missedAt(job, index)));
  }
  await eventually(async () => {
    const found = (await alertsOf(world)).map((alert) => `${alert.organisation_id} ${alert.job_id}`).sort();
    expect(found).toEqual(
      [`${world.organisationId} ${chosen.id}`, `${other.organisationId} ${theirs.id}`].sort(),
    );
  });
});

test("a quorum of two locations needs two, whichever poller tells it", async () => {
  await using world = await createWorld();
  const { db } = world.database;
  await db
    .insertInto("locations")
    .values([
      { name: "north", organisation_id: null },
      { name: "south", organisation_id: null },
    ])
    .execute();
  const locations = await db
    .selectFrom("locations")
    .select(["location_no", "name"])
    .orderBy("location_no")
    .execute();
  const [one, two, three] = locations.map(({ location_no }) => location_no);
  const job = await addRunningJob(world, ["default", "north", "south"]);
  await addRule(world, { quorum: 2 });
  await using first = await startEngine(world);
  await using second = await startEngine(world);
  const down = (locationNo: number | undefined) =>
    [0, 1, 2].map((index) => missedAt(job, index, { locationNo: locationNo ?? 0 }));
  await first.store(...down(one));
  await eventually(async () =>
    expect(await db.selectFrom("alert_conditions").select("locations").execute()).toHaveLength(1),
  );
  expect(await statuses(world)).toEqual([]);
  await Promise.all([second.store(...down(two)), first.store(...down(three))]);
  await eventually(async () => {
    const [alert] = await alertsOf(world);
    expect(alert?.locations.filter(({ isBad }) => isBad)).toHaveLength(3);
  });
  expect(await statuses(world)).toEqual(["open"]);
  await second.store(...[3, 4].map((index) => at(job, index, { locationNo: two ?? 0 })));
  await first.store(...[3, 4].map((index) => at(job, index, { locationNo: three ?? 0 })));
  await eventually(async () => expect(await statuses(world)).toEqual(["resolved"]));
});

test("a maintenance window holds an alert back until it ends, and a parent that is down those below it", async () => {
  await using world = await createWorld();
  const { db } = world.database;
  const [parent, child, grandchild] = [
    await addRunningJob(world),
    await addRunningJob(world),
    await addRunningJob(world),
  ];
  await db
    .insertInto("job_parents")
    .values([
      { job_no: child.jobNo, parent_no: parent.jobNo },
      { job_no: grandchild.jobNo, parent_no: child.jobNo },
    ])
    .execute();
  const window = randomUUID();
  await db
    .insertInto("maintenance_windows")
    .values({
      id: window,
      organisation_id: world.organisationId,
      name: "Router",
      selector: JSON.stringify({ kind: "jobs", jobIds: [parent.id] }),
      schedule: JSON.stringify({
        kind: "once",
        from: new Date(START - 60_000).toISOString(),
        to: new Date(START + 3_600_000).toISOString(),
      }),
      is_enabled: true,
    })
    .execute();
  await addRule(world);
  await using running = await startEngine(world);
  const status = async () =>
    Object.fromEntries(
      (await alertsOf(world)).map((alert) => [
        alert.job_no,
        `${alert.status} ${alert.suppression?.kind ?? ""}`,
      ]),
    );
  const down = (job: TestJob) => running.store(missedAt(job, 0), missedAt(job, 1), missedAt(job, 2));
  // The child is noticed first.
  await down(grandchild);
  await eventually(async () => expect(await status()).toEqual({ [grandchild.jobNo]: "open " }));
  await down(parent);
  await eventually(async () =>
    expect(await status()).toMatchObject({ [parent.jobNo]: "suppressed maintenance" }),
  );
  await settleAlerts(world.database, now);
  expect(await status()).toMatchObject({ [grandchild.jobNo]: "suppressed parent" });
  await down(child);
  await eventually(async () => expect(await status()).toMatchObject({ [child.jobNo]: "suppressed parent" }));
  await settleAlerts(world.database, START + 3_600_000);
  expect(await status()).toEqual({
    [parent.jobNo]: "open ",
    [child.jobNo]: "suppressed parent",
    [grandchild.jobNo]: "suppressed parent",
  });
  await running.store(at(parent, 3), at(parent, 4));
  await eventually(async () => expect((await status())[parent.jobNo]).toBe("resolved "));
  await settleAlerts(world.database, START + 3_600_000);
  expect(await status()).toMatchObject({ [child.jobNo]: "open ", [grandchild.jobNo]: "suppressed parent" });
});

test("an alert ends with its job, paused or deleted", async () => {
  await using world = await createWorld();
  const { db } = world.database;
  const [paused, deleted] = [await addRunningJob(world), await addRunningJob(world)];
  await addRule(world);
  await using running = await startEngine(world);
  for (const index of [0, 1, 2]) await running.store(missedAt(paused, index), missedAt(deleted, index));
  await eventually(async () => expect(await statuses(world)).toEqual(["open", "open"]));
  await db.updateTable("jobs").set({ status: "paused" }).where("id", "=", paused.id).execute();
  await db.deleteFrom("jobs").where("id", "=", deleted.id).execute();
  await settleAlerts(world.database, now);
  const found = (await alertsOf(world)).map(({ job_title, resolution }) => `${job_title} ${resolution}`);
  expect(found.sort()).toEqual(["Test job_deleted", "Test job_stopped"]);
});

test("an outage of the database raises no alert about a target, and one about ourselves", async () => {
  await using world = await createWorld();
  const jobs = [await addRunningJob(world), await addRunningJob(world)];
  const [healthy, failing] = jobs as [TestJob, TestJob];
  for (const condition of [
    { kind: "missed", missed: 3, of: 3 },
    { kind: "loss", abovePercent: 10, windowSeconds: 30 },
    { kind: "latency", statistic: "p95", aboveMs: 50, windowSeconds: 30 },
  ]) {
    await addRule(world, { condition });
  }
  await using proxy = await startProxy(world.url);
  const database = openDatabase(proxy.url, { poolSize: 3, applicationName: "poller" });
  await using running = await startEngine(world, database);
  const outages: [from: number, to: number][] = [];
  const writer = await SampleWriter.open({
    store: new PostgresStore(database, log),
    spoolMaxBytes: 1024 ** 3,
    spoolFolder: await createFolder(),
    batchSize: 100,
    flushIntervalMs: 20,
    log,
    registry: new Registry(),
    onConfirmed: (samples) => running.engine.samplesStored(samples),
    onOutageOver: (from, to) => outages.push([from, to]),
  });
  let index = 0;
  const measure = async (slots: number) => {
    for (const end = index + slots; index < end; index += 1)
      for (const job of jobs) writer.add(at(job, index));
    await writer.flush();
  };
  await measure(60);
  await proxy.cut();
  await measure(200); // Each flush goes to the spool.
  await proxy.mend();
  await measure(60);
  await eventually(() => expect(writer.stats).toMatchObject({ stored: 640, spoolBytes: 0 }), {
    withinMs: 15_000,
  });
  // A real failure afterwards is noticed, and proves that all before it was evaluated.
  for (const missed of [0, 1, 2]) writer.add(missedAt(failing, index + missed));
  await eventually(async () => {
    const found = (await alertsOf(world)).map(({ kind, job_id }) => `${kind} ${job_id}`);
    expect(found).toEqual([`missed ${failing.id}`]);
  });
  await writer.stop(1_000);
  await database.close();
  expect(healthy.id).not.toBe(failing.id);

  expect(outages).toHaveLength(1);
  const from = outages[0]?.[0] ?? 0;
  // As two pollers tell it, whose outage was long enough to be told.
  await recordDatabaseOutage(world.database.db, from, from + 60_000);
  await recordDatabaseOutage(world.database.db, from - 500, from + 61_000);
  await recordDatabaseOutage(world.database.db, from + 100_000, from + 101_000);
  const self = (await alertsOf(world)).filter(({ kind }) => kind === "self");
  expect(self).toMatchObject([
    {
      organisation_id: null,
      status: "resolved",
      started_at: new Date(from - 500),
      resolved_at: new Date(from + 61_000),
      timeline: ["opened", "resolved"],
    },
  ]);
});

test("a poller that is gone without a word is one alert about ourselves, until it is back", async () => {
  await using world = await createWorld();
  const { db, pool } = world.database;
  const add = (state: string, startedAt: number, diedAt: number | null) =>
    pool.query(
      `insert into pollers (id, location_no, name, kind, state, lease_until, started_at, died_at, buckets, stats)
       values (gen_random_uuid(), 1, 'east', 'local', $1, now(), $2, $3, decode(repeat('00', 1024), 'hex'), '{}')`,
      [state, new Date(startedAt), diedAt === null ? null : new Date(diedAt)],
    );
  await add("dead", START, START + 60_000);
  await settlePollerAlerts(db, START + 61_000);
  await settlePollerAlerts(db, START + 62_000);
  expect(await alertsOf(world)).toMatchObject([
    {
      kind: "self",
      status: "open",
      title: expect.stringContaining("east at default"),
      started_at: new Date(START + 60_000),
    },
  ]);
  await add("active", START + 90_000, null);
  await settlePollerAlerts(db, START + 91_000);
  expect(await alertsOf(world)).toMatchObject([{ status: "resolved", timeline: ["opened", "resolved"] }]);
});

test("pollers of two organisations that are called alike are two alerts", async () => {
  await using world = await createWorld();
  const { db, pool } = world.database;
  await pool.query(
    `with owner as (insert into organisations (id, name) select gen_random_uuid(), 'of ' || n from generate_series(1, 2) as n returning id),
       place as (insert into locations (organisation_id, name) select id, 'berlin' from owner returning location_no)
     insert into pollers (id, location_no, name, kind, state, lease_until, started_at, died_at, buckets, stats)
     select gen_random_uuid(), location_no, 'east', 'local', 'dead', now(), $1, $2, decode(repeat('00', 1024), 'hex'), '{}'
     from place`,
    [new Date(START), new Date(START + 60_000)],
  );
  await settlePollerAlerts(db, START + 61_000);
  const alerts = await alertsOf(world);
  expect(alerts).toHaveLength(2);
  expect(new Set(alerts.map((alert) => alert.organisation_id)).size).toBe(2);
});
