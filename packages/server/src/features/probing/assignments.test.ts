import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { eventually } from "../../../test/harness.js";
import { addJob, createWorld, type World } from "../../../test/samples.js";
import { systemClock } from "../../platform/clock.js";
import { createLogger } from "../../platform/log.js";
import { startPendingJobs } from "../jobs/index.js";
import type { Share } from "../pollers/index.js";
import { Assignments } from "./assignments.js";
import { PostgresJobs } from "./job-source.js";
import type { JobDefinition } from "./measured-job.js";

const share: Share = { location: "default", organisationId: null, part: { mode: "static", count: 1, id: 0 } };
/** Four batches. */
const NEW_JOBS = 2_000;
/** Longer than one look goes on starting jobs. */
const SLOW_START_MS = 300;

/** Assignments that hold what they are given, and write down in which order jobs were started and removed. */
function openAssignments({ database: { db } }: World) {
  const held = new Map<number, JobDefinition>();
  const events: string[] = [];
  const assignments = new Assignments({
    source: new PostgresJobs(db, async (jobNos, now) => {
      events.push("started some");
      await delay(SLOW_START_MS);
      await startPendingJobs(db, jobNos, now);
    }),
    shares: { current: () => share, taken: () => undefined },
    holder: {
      revisionOf: (jobNo) => held.get(jobNo)?.revision,
      held: () => held.values(),
      put: (job) => void held.set(job.jobNo, job),
      remove(jobNo) {
        if (held.delete(jobNo)) events.push(`removed ${jobNo}`);
      },
    },
    compareIntervalMs: 60_000,
    clock: systemClock,
    log: createLogger("silent", "test"),
  });
  return {
    held,
    events,
    start: () => assignments.start(),
    [Symbol.asyncDispose]: () => assignments.stop(),
  };
}

test("of many new jobs all are started, and changes of others do not wait for that", async () => {
  await using world = await createWorld();
  const { jobNo } = await addJob(world, [{ fromSlot: 0, toSlot: null, cadenceMs: 1_000, firstSequence: 0 }]);
  await world.database.pool.query(
    `insert into jobs (id, organisation_id, title, type, target, options, cadence_ms, monitoring_mode, simulation,
       locations, thresholds, status)
     select gen_random_uuid(), organisation_id, title, type, target, options, cadence_ms, monitoring_mode, simulation,
       locations, thresholds, 'pending' from jobs, generate_series(1, $1::integer)`,
    [NEW_JOBS],
  );
  await using open = openAssignments(world);
  await open.start();
  expect(open.held.has(jobNo)).toBe(true);
  await world.database.pool.query("update jobs set status = 'paused' where job_no = $1", [jobNo]);
  await eventually(() => expect(open.held.size).toBe(NEW_JOBS), { withinMs: 20_000 });
  const starts = open.events.filter((event) => event === "started some");
  expect(starts.length).toBeGreaterThan(3);
  expect(open.events.indexOf(`removed ${jobNo}`)).toBeLessThan(open.events.length - 1);
  expect(open.events).toContain(`removed ${jobNo}`);
});

test("a change that commits while a longer transaction is under way is told once", async () => {
  await using world = await createWorld();
  const job = await addJob(world, [{ fromSlot: 0, toSlot: null, cadenceMs: 1_000, firstSequence: 0 }]);
  await using open = openAssignments(world);
  await open.start();
  const client = await world.database.pool.connect();
  try {
    await client.query("begin");
    await client.query("insert into deleted_jobs (job_no) values (2000000)");
    await world.database.pool.query("update jobs set target = '127.0.0.1:2' where job_no = $1", [job.jobNo]);
    await eventually(() => expect(open.held.get(job.jobNo)?.target).toBe("127.0.0.1:2"));
    await client.query("update jobs set target = '127.0.0.1:3' where job_no = $1", [job.jobNo]);
    await client.query("commit");
    // Its transaction is older than the one before, and committed later.
    await eventually(() => expect(open.held.get(job.jobNo)?.target).toBe("127.0.0.1:3"));
  } finally {
    client.release();
  }
});
