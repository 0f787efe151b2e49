// From alerts that open to evidence in a real database: who is asked, in which order it is taken, how much at once, and
// what happens to the rest.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { AlertCondition, type AlertSeverity, EvidenceFindings } from "@nightbell/contract";
import { Registry } from "prom-client";
import { afterEach, expect, test } from "vitest";
import { eventually } from "./harness.js";
import { addJob, createWorld, type TestJob, type World } from "./samples.js";
import { closeServers, listen } from "./servers.js";
import { systemClock } from "../src/platform/clock.js";
import { LeaseLostError } from "../src/platform/lease.js";
import { createLogger } from "../src/platform/log.js";
import { applyDecisions } from "../src/features/alerts/apply.js";
import { createOneShotProber, type OneShotProber } from "../src/features/probing/index.js";
import { DatabaseEvidence } from "../src/features/evidence/database-source.js";
import { expireEvidence } from "../src/features/evidence/expire.js";
import { evidenceMetrics } from "../src/features/evidence/metrics.js";
import { evidenceOf } from "../src/features/evidence/read.js";
import { EvidenceRunner, MAX_UNDER_WAY } from "../src/features/evidence/runner.js";

const log = createLogger("silent", "test");
const ENDING = { state: "taken", text: "10 of 10 probes failed", findings: null } as const;

afterEach(closeServers);

/** A job at the two locations `default` and `vienna`, and a rule about all jobs. */
async function createAlertWorld(): Promise<World & { job: TestJob; ruleId: string }> {
  const world = await createWorld();
  const { db } = world.database;
  await db
    .insertInto("locations")
    .values({ name: "vienna", organisation_id: world.organisationId })
    .execute();
  const job = await addJob(world, [], { locations: ["default", "vienna"] });
  const ruleId = randomUUID();
  await db
    .insertInto("alert_rules")
    .values({
      id: ruleId,
      organisation_id: world.organisationId,
      name: "No answer",
      selector: JSON.stringify({ kind: "all" }),
      condition: JSON.stringify(AlertCondition.parse({ kind: "missed", missed: 3, of: 3 })),
      quorum: 1,
      severity: "critical",
      is_enabled: true,
    })
    .execute();
  return { ...world, job, ruleId };
}

async function say(world: World & { job: TestJob; ruleId: string }, isBad: boolean, slot: number) {
  const statements = [{ locationNo: 1, isBad, slot, value: isBad ? 3 : 0 }];
  const question = { ruleId: world.ruleId, jobNo: world.job.jobNo, ruleVersion: 1, statements };
  await applyDecisions(world.database.pool, [question], slot);
}

const sourceOf = (world: World, locationNo = 1) =>
  new DatabaseEvidence({
    db: world.database.db,
    locationNo,
    shares: {
      current: () => ({
        location: "default",
        organisationId: null,
        part: { mode: "static", count: 1, id: 0 },
      }),
    },
    owner: randomUUID(),
  });

/** An alert about the job, and its request, so old; returns the alert's id. */
async function request(
  { database: { db }, organisationId }: World,
  job: TestJob,
  more: { severity?: AlertSeverity; ageMs?: number } = {},
): Promise<string> {
  const at = new Date(Date.now() - (more.ageMs ?? 0));
  const severity = more.severity ?? "critical";
  const id = randomUUID();
  await db
    .insertInto("alerts")
    .values({
      id,
      organisation_id: organisationId,
      kind: "missed",
      status: "open",
      severity,
      title: "Test",
      started_at: at,
      opened_at: at,
    })
    .execute();
  const urgency = { info: 0, warning: 1, critical: 2 }[severity];
  await db
    .insertInto("alert_evidence")
    .values({ id, alert_id: id, job_no: job.jobNo, location_no: 1, urgency, requested_at: at, due_at: at })
    .execute();
  return id;
}

const linesOf = ({ database: { db } }: World) =>
  db.selectFrom("alert_events").select(["alert_id", "text"]).where("kind", "=", "evidence").execute();

const requestedOf = async ({ database: { db } }: World) =>
  (await db.selectFrom("alert_evidence").select("location_no").orderBy("location_no").execute()).map(
    ({ location_no: locationNo }) => locationNo,
  );

/** Answers at once, and counts. */
function countingProber() {
  const counts = { probes: 0, traces: 0, probing: 0, mostProbing: 0 };
  const prober: Pick<OneShotProber, "probe" | "trace"> = {
    async probe() {
      counts.probes += 1;
      counts.probing += 1;
      counts.mostProbing = Math.max(counts.mostProbing, counts.probing);
      await delay(50);
      counts.probing -= 1;
      return {
        status: "missed",
        rttUs: null,
        errorCode: "timeout",
        error: "no answer",
        phases: null,
        address: null,
      };
    },
    async trace() {
      counts.traces += 1;
      return { ok: false, failure: { code: "permission", error: "ICMP is not permitted" } };
    },
  };
  return { prober, counts };
}

function runnerOf(world: World, prober: Pick<OneShotProber, "probe" | "trace">) {
  const registry = new Registry();
  const runner = new EvidenceRunner({
    source: sourceOf(world),
    prober,
    metrics: evidenceMetrics(registry),
    clock: systemClock,
    log,
  });
  return { runner, registry, [Symbol.asyncDispose]: () => runner.stop(5_000) };
}

test("an alert that opens asks every location of its job once, however often it opens again", async () => {
  await using world = await createAlertWorld();
  await say(world, true, 1_000);
  expect(await requestedOf(world)).toEqual([1, 2]);
  await say(world, true, 2_000);
  expect(await requestedOf(world)).toEqual([1, 2]);
  const [alert] = await world.database.db.selectFrom("alerts").select("id").execute();
  expect(await evidenceOf(world.database.db, alert?.id ?? "")).toMatchObject([
    { location: "default", state: "requested", text: null, findings: null },
    { location: "vienna", state: "requested" },
  ]);
});

test("an alert that is suppressed asks nobody until it is open", async () => {
  await using world = await createAlertWorld();
  const { db } = world.database;
  const from = new Date(0).toISOString();
  const window = { kind: "once", from, to: new Date(5_000).toISOString() };
  await db
    .insertInto("maintenance_windows")
    .values({
      id: randomUUID(),
      organisation_id: world.organisationId,
      name: "Night",
      selector: JSON.stringify({ kind: "all" }),
      schedule: JSON.stringify(window),
      is_enabled: true,
    })
    .execute();
  await say(world, true, 1_000);
  expect(await db.selectFrom("alerts").select("status").execute()).toEqual([{ status: "suppressed" }]);
  expect(await requestedOf(world)).toEqual([]);
  await say(world, true, 6_000);
  expect(await requestedOf(world)).toEqual([1, 2]);
});

test("a heartbeat has nobody to probe", async () => {
  await using world = await createAlertWorld();
  await world.database.db.updateTable("jobs").set({ type: "heartbeat" }).execute();
  await say(world, true, 1_000);
  expect(await world.database.db.selectFrom("alerts").select("status").execute()).toHaveLength(1);
  expect(await requestedOf(world)).toEqual([]);
});

test("the most severe is taken first, and of those the newest; what is a minute old is not", async () => {
  await using world = await createWorld();
  const job = await addJob(world, []);
  const old = await request(world, job, { ageMs: 20_000 });
  const warning = await request(world, job, { severity: "warning" });
  const newer = await request(world, job, { ageMs: 10_000 });
  const late = await request(world, job, { ageMs: 61_000 });
  const source = sourceOf(world);
  const [first, second, ...rest] = [
    ...(await source.due(1)),
    ...(await source.due(1)),
    ...(await source.due(9)),
  ];
  expect([first?.id, second?.id, rest.map(({ id }) => id)]).toEqual([newer, old, [warning]]);
  expect(first?.job).toMatchObject({ id: job.id, type: "tcp", target: "127.0.0.1:1", simulation: null });
  expect(await sourceOf(world, 2).due(9)).toEqual([]);
  await expireEvidence(world.database.db);
  expect(await evidenceOf(world.database.db, late)).toMatchObject([
    { state: "expired", text: expect.stringContaining("no poller came to it") as string },
  ]);
  expect(await linesOf(world)).toMatchObject([{ alert_id: late }]);
});

test("of two who hold the same request only the later one stores, and it is told once", async () => {
  await using world = await createWorld();
  const id = await request(world, await addJob(world, []));
  const [before] = await sourceOf(world).due(1);
  expect(await sourceOf(world).due(1)).toEqual([]);
  // The first one was killed, or hangs: its lease runs out.
  await world.database.db
    .updateTable("alert_evidence")
    .set({ lease_until: new Date(0) })
    .execute();
  const [after] = await sourceOf(world).due(1);
  if (before === undefined || after === undefined) throw new Error("it was not due");
  await expect(sourceOf(world).finish(before, ENDING)).rejects.toThrow(LeaseLostError);
  await sourceOf(world).finish(after, ENDING);
  await expect(sourceOf(world).finish(after, ENDING)).rejects.toThrow(LeaseLostError);
  expect(await linesOf(world)).toEqual([
    { alert_id: id, text: "Evidence from default: 10 of 10 probes failed" },
  ]);
});

test("ten thousand alerts are no storm: a few are taken, the rest expires and says so", async () => {
  await using world = await createWorld();
  const jobs = await Promise.all(Array.from({ length: 20 }, () => addJob(world, [])));
  await world.database.pool.query(
    `with opened as (
       insert into alerts (id, organisation_id, kind, status, severity, title, started_at, opened_at)
       select gen_random_uuid(), $1, 'missed', 'open', 'critical', 'Test', now(), now()
       from generate_series(1, 10000) returning id
     )
     insert into alert_evidence (id, alert_id, job_no, location_no, urgency)
     select gen_random_uuid(), id, ($2::int[])[1 + (row_number() over ())::int % 20], 1, 2 from opened`,
    [world.organisationId, jobs.map(({ jobNo }) => jobNo)],
  );
  const { prober, counts } = countingProber();
  await using running = runnerOf(world, prober);
  const { db } = world.database;
  await eventually(
    async () => expect((await linesOf(world)).length).toBeGreaterThanOrEqual(2 * MAX_UNDER_WAY),
    {
      withinMs: 20_000,
    },
  );
  await running.runner.stop(5_000);
  const taken = (await linesOf(world)).length;
  expect(counts.probes).toBeLessThanOrEqual(10 * (taken + MAX_UNDER_WAY));
  expect(counts.mostProbing).toBeLessThanOrEqual(MAX_UNDER_WAY * 10);
  await world.database.pool.query("update alert_evidence set requested_at = now() - interval '61 seconds'");
  for (let round = 0; round < 25; round += 1) await expireEvidence(db);
  const states = await db
    .selectFrom("alert_evidence")
    .select(["state", (eb) => eb.fn.countAll<number>().as("count")])
    .groupBy("state")
    .orderBy("state")
    .execute();
  expect(states).toEqual([
    { state: "expired", count: 10_000 - taken },
    { state: "taken", count: taken },
  ]);
});

test("two alerts about one job share what is found out", async () => {
  await using world = await createWorld();
  const job = await addJob(world, []);
  await request(world, job);
  await request(world, job);
  const { prober, counts } = countingProber();
  await using running = runnerOf(world, prober);
  await eventually(async () => expect(await linesOf(world)).toHaveLength(2), { withinMs: 15_000 });
  expect(counts).toMatchObject({ probes: 10, traces: 1 });
  const metrics = await running.registry.metrics();
  expect(metrics).toContain('nightbell_evidence_total{state="taken"} 2');
  expect(metrics).toContain("nightbell_evidence_under_way 0");
});

test("a runner that stops leaves what it has begun to others, at once", async () => {
  await using world = await createWorld();
  await request(world, await addJob(world, []));
  const { prober, counts } = countingProber();
  const running = runnerOf(world, prober);
  await eventually(() => expect(counts.probes).toBeGreaterThan(0));
  await running.runner.stop(5_000);
  expect(await sourceOf(world).due(1)).toHaveLength(1);
  expect(await linesOf(world)).toEqual([]);
});

test("a burst is of the job's own type and options, the path leads to its host, and neither is a sample", async () => {
  const agents: (string | undefined)[] = [];
  const port = await listen(
    createServer((asked, answer) => {
      agents.push(asked.headers["x-shift"] as string | undefined);
      answer.statusCode = agents.length > 7 ? 500 : 200;
      answer.end();
    }),
  );
  await using world = await createWorld();
  const job = await addJob(world, []);
  const { db } = world.database;
  await db
    .updateTable("jobs")
    .set({
      type: "http",
      target: `http://127.0.0.1:${port}/`,
      options: JSON.stringify({ headers: { "x-shift": "night" } }),
    })
    .execute();
  const id = await request(world, job);
  const prober = createOneShotProber({ latencyApiUrl: "", log });
  await using running = runnerOf(world, prober);
  await eventually(async () => expect(await linesOf(world)).toHaveLength(1), { withinMs: 20_000 });
  await running.runner.stop(5_000);
  await prober.close();
  expect(agents).toEqual(Array.from({ length: 10 }, () => "night"));
  const [evidence] = await evidenceOf(db, id);
  const findings = EvidenceFindings.parse(evidence?.findings);
  expect(findings.burst.filter(({ status }) => status === "missed")).toHaveLength(3);
  expect(findings.burst[9]).toMatchObject({ errorCode: "http_status", error: expect.any(String) as string });
  expect(evidence?.text).toMatch(
    /^3 of 10 probes failed; (the path reaches 127\.0\.0\.1 in 1 hop|no path: )/,
  );
  const spanMs = Date.parse(findings.burst[9]?.sentAt ?? "") - Date.parse(findings.burst[0]?.sentAt ?? "");
  expect(spanMs).toBeGreaterThan(1_700);
  expect(await db.selectFrom("samples").selectAll().execute()).toEqual([]);
});

test("a simulated job has a burst and no path, and says why", async () => {
  await using world = await createWorld();
  const job = await addJob(world, []);
  await world.database.db.updateTable("jobs").set({ monitoring_mode: "simulated" }).execute();
  const id = await request(world, job);
  const { prober, counts } = countingProber();
  await using running = runnerOf(world, prober);
  await eventually(async () => expect(await linesOf(world)).toHaveLength(1), { withinMs: 15_000 });
  await running.runner.stop(5_000);
  expect(counts).toMatchObject({ probes: 0, traces: 0 });
  expect(await evidenceOf(world.database.db, id)).toMatchObject([
    { state: "taken", findings: { path: null, pathProblem: "the job is simulated" } },
  ]);
});
