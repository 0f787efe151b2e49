// How Postgres answers what is asked about alerts, by people and by evaluators (P9): with forty thousand alerts, no
// query reads a large table from end to end.
import type { AlertPage } from "@nightbell/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { applyDecisions } from "../src/features/alerts/apply.js";
import {
  forgetOldAlerts,
  LiveAlerts,
  recordDatabaseOutage,
  settleAlerts,
  settlePollerAlerts,
} from "../src/features/alerts/index.js";
import { badStates, watchedJobs } from "../src/features/alerts/queries.js";
import { Bus } from "../src/platform/bus.js";
import { systemClock as clock } from "../src/platform/clock.js";
import { createLogger } from "../src/platform/log.js";
import { EventSequence } from "../src/platform/stream/topic.js";
import { type ApiWorld, apiWorld } from "./api-world.js";
import type { ApiClient } from "./harness.js";
import { type QueryPlans, watchQueries } from "./query-plans.js";

const ORGANISATIONS = 20;
const JOBS_EACH = 1_000;
/** Of each job, one a day; the last of every three hundredth job of an organisation is not resolved. */
const ALERTS_EACH = 2;
const DAY_MS = 86_400_000;
const LARGE = /^(jobs|alerts|alert_events|alert_conditions|job_parents)$/;

let world: ApiWorld;
let client: ApiClient;
let plans: QueryPlans;
let organisationId: string;
/** Of the organisation that asks. */
let rule: { id: string; version: number };
let job: { id: string; jobNo: number };

beforeAll(async () => {
  world = await apiWorld();
  client = await world.owner();
  const { db, pool } = world.database;
  organisationId = (await db.selectFrom("organisations").select("id").executeTakeFirstOrThrow()).id;
  await populate();
  rule = await db
    .selectFrom("alert_rules")
    .select(["id", "version"])
    .where("organisation_id", "=", organisationId)
    .executeTakeFirstOrThrow();
  const row = await db
    .selectFrom("jobs")
    .select(["id", "job_no"])
    .where("organisation_id", "=", organisationId)
    .orderBy("job_no")
    .executeTakeFirstOrThrow();
  job = { id: row.id, jobNo: row.job_no };
  await pool.query("analyze");
  plans = await watchQueries(pool, LARGE);
}, 60_000);
afterAll(() => world[Symbol.asyncDispose]());

describe("no large table is read from end to end", () => {
  it.each(["", "page=20", "status=unresolved", "status=open", "status=resolved", "severity=critical"])(
    "by the list of alerts: %s",
    async (query) => {
      expect(await plans.faultsOf(async () => void (await listed(query)))).toEqual([]);
    },
  );

  it("by the alerts of a job or a rule, and those after a cursor", async () => {
    for (const query of [`jobId=${job.id}`, `ruleId=${rule.id}`, "status=unresolved", ""]) {
      const { nextCursor } = (await listed(`${query}&limit=1`)).pagination;
      for (const more of ["", `&limit=1&cursor=${nextCursor}`])
        expect(await plans.faultsOf(async () => void (await listed(query + more)))).toEqual([]);
    }
  });

  it("by an alert and its timeline", async () => {
    const [alert] = (await listed("")).data;
    const read = async () => expect((await client.get(`/api/alerts/${alert?.id}`)).status).toBe(200);
    expect(await plans.faultsOf(read)).toEqual([]);
  });

  it("by live streams", async () => {
    const log = createLogger("silent", "test");
    const bus = new Bus(world.url, log);
    const live = new LiveAlerts({
      database: world.database,
      clock,
      log,
      bus,
      sequence: new EventSequence(),
    });
    const held = live.hold(organisationId);
    expect(await plans.faultsOf(() => held.missedSince(clock.now() - 1_000))).toEqual([]);
    held.release();
    live.close();
  });

  it("by evaluators: what is known to be bad, and a decision", async () => {
    const { db, pool } = world.database;
    expect(await plans.faultsOf(() => badStates(db, [job.jobNo]))).toEqual([]);
    expect(await plans.faultsOf(() => watchedJobs(db, [job.jobNo]))).toEqual([]);
    const statement = { locationNo: 1, isBad: true, slot: clock.now(), value: 3 };
    const question = {
      ruleId: rule.id,
      jobNo: job.jobNo,
      ruleVersion: rule.version,
      statements: [statement],
    };
    expect(await plans.faultsOf(() => applyDecisions(pool, [question], clock.now()))).toEqual([]);
    const [alert] = (await listed("")).data;
    expect(alert).toMatchObject({ status: "open", job: { id: job.id } });
  });

  it("by the tasks of the scheduler", async () => {
    const { database, db } = world;
    const now = clock.now();
    const { signal } = new AbortController();
    expect(await plans.faultsOf(() => settleAlerts(database, now))).toEqual([]);
    expect(await plans.faultsOf(() => settlePollerAlerts(db, now))).toEqual([]);
    expect(await plans.faultsOf(() => recordDatabaseOutage(db, now - 60_000, now))).toEqual([]);
    expect(await plans.faultsOf(() => forgetOldAlerts(db, now - 1.5 * DAY_MS, signal))).toEqual([]);
  });

  it("by the end of a rule", async () => {
    const path = `/api/alert-rules/${rule.id}`;
    const remove = async () => expect((await client.delete(path)).status).toBe(204);
    expect(await plans.faultsOf(remove)).toEqual([]);
  });
});

async function listed(query: string): Promise<AlertPage> {
  const answer = await client.get<AlertPage>(`/api/alerts?${query}`);
  expect(answer.status).toBe(200);
  expect(answer.body.data.length).toBeGreaterThan(0);
  return answer.body;
}

/** Twenty organisations, each with a rule and a thousand jobs, each of these with two alerts. */
async function populate(): Promise<void> {
  const { pool } = world.database;
  await pool.query(
    "insert into organisations (id, name) select gen_random_uuid(), 'O' from generate_series(2, $1::int)",
    [ORGANISATIONS],
  );
  await pool.query(
    `insert into jobs (id, organisation_id, title, type, target, options, cadence_ms, monitoring_mode, simulation,
       locations, thresholds, status)
     select gen_random_uuid(), organisations.id, 'gateway ' || n, 'icmp', '10.0.0.1', '{}', 10000, 'real_polling', '{}',
       '{default}', '{}', 'running'
     from generate_series(1, $1::int) as n, organisations`,
    [JOBS_EACH],
  );
  await pool.query(
    `insert into alert_rules (id, organisation_id, name, selector, condition, severity, is_enabled)
     select gen_random_uuid(), id, 'No answer', '{"kind": "all"}',
       '{"kind": "missed", "missed": 3, "of": 3, "recovery": {"successes": 2}}', 'critical', true
     from organisations where id <> $1`,
    [organisationId],
  );
  await pool.query(
    `insert into alert_conditions (rule_id, job_no, locations)
     select alert_rules.id, job_no, '[{"locationNo": 1, "isBad": true, "slot": 0, "since": 0, "value": 3}]'
     from jobs join alert_rules using (organisation_id)`,
  );
  await pool.query(
    `insert into job_parents (job_no, parent_no)
     select job_no, job_no - 20 from jobs where job_no > 20 and job_no / 20 % 2 = 1`,
  );
  await pool.query(
    `insert into alerts (id, organisation_id, kind, status, severity, title, rule_id, rule_name, job_id, job_no, job_title,
       started_at, opened_at, resolved_at)
     select gen_random_uuid(), jobs.organisation_id, 'missed', each.status, 'critical', 'No answer', alert_rules.id, 'No answer',
       jobs.id, job_no, jobs.title, opened_at, opened_at, case each.status when 'resolved' then opened_at end
     from jobs join alert_rules using (organisation_id)
     cross join lateral (
       select case when n = 1 and job_no / 20 % 300 = 7 then 'open' else 'resolved' end as status,
         now() - n * interval '1 day' - job_no * interval '1 s' as opened_at
       from generate_series(1, $1::int) as n) as each`,
    [ALERTS_EACH],
  );
  await pool.query(
    `insert into alert_events (alert_id, at, kind, text)
     select id, opened_at, event, 'Raised' from alerts, unnest(array['opened', 'resolved']) as event`,
  );
}
