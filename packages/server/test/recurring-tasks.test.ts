import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import { systemClock } from "../src/platform/clock.js";
import { type DatabaseHandle, openDatabase } from "../src/platform/db.js";
import { createLogger } from "../src/platform/log.js";
import { type RecurringTask, startRecurringTasks } from "../src/platform/recurring-tasks.js";
import { createDatabase, eventually, type TestDatabase } from "./harness.js";

let database: TestDatabase;
let handle: DatabaseHandle;
beforeAll(async () => {
  database = await createDatabase();
  handle = openDatabase(database.url, { poolSize: 10, applicationName: "recurring-tasks" });
});
afterAll(async () => {
  await handle.close();
  await database.drop();
});

function start(...tasks: RecurringTask[]) {
  return startRecurringTasks(tasks, {
    db: handle.db,
    clock: systemClock,
    log: createLogger("silent", "test"),
  });
}

it("run once before the scheduler counts as started, and then again and again", async () => {
  const runs: number[] = [];
  const running = await start({ name: "repeated", everyMs: 5, run: async (now) => runs.push(now) });
  expect(runs.length).toBeGreaterThanOrEqual(1);
  await eventually(() => expect(runs.length).toBeGreaterThan(3));
  await running.stop(1_000);
  const { length } = runs;
  await sleep(30);
  expect(runs).toHaveLength(length);
});

it("are never run by two instances at the same time, and one instance does not stop another", async () => {
  let underWay = 0;
  let most = 0;
  const doneBy = new Set<string>();
  const instance = (name: string) =>
    start({
      name: "exclusive",
      everyMs: 1,
      run: async () => {
        underWay += 1;
        most = Math.max(most, underWay);
        doneBy.add(name);
        await sleep(3);
        underWay -= 1;
      },
    });
  const instances = await Promise.all(["a", "b", "c"].map(instance));
  await eventually(() => expect(doneBy.size).toBe(3));
  await Promise.all(instances.map((running) => running.stop(1_000)));
  expect(most).toBe(1);
});

it("are tried again after a failure, and do not hold up one another", async () => {
  let failures = 0;
  let others = 0;
  const running = await start(
    {
      name: "failing",
      everyMs: 1,
      run: async () => {
        failures += 1;
        throw new Error("no luck");
      },
    },
    { name: "other", everyMs: 1, run: async () => (others += 1) },
  );
  await eventually(() => expect(Math.min(failures, others)).toBeGreaterThan(3));
  await running.stop(1_000);
});

it("say by name that they fail, once until they work again", async () => {
  const lines: { level: string; msg: string }[] = [];
  const log = pino(
    { level: "info", formatters: { level: (level) => ({ level }) } },
    { write: (line: string) => lines.push(JSON.parse(line) as { level: string; msg: string }) },
  );
  let runs = 0;
  const task: RecurringTask = {
    name: "sweep",
    everyMs: 1,
    run: async () => {
      runs += 1;
      if (runs < 5) throw new Error("no luck");
    },
  };
  const running = await startRecurringTasks([task], { db: handle.db, clock: systemClock, log });
  await eventually(() => expect(runs).toBeGreaterThan(6));
  await running.stop(1_000);
  expect(lines).toMatchObject([
    { level: "warn", msg: 'the task "sweep" failed; it is tried again' },
    { level: "info", msg: 'the task "sweep" works again' },
  ]);
});

it("are waited for when stopped, but not for ever", async () => {
  const gate = new AbortController();
  let runs = 0;
  let ended = 0;
  const running = await start({
    name: "slow",
    everyMs: 1,
    // The start waits for the first turn; the second is under way when it is told to stop.
    run: async () => {
      runs += 1;
      if (runs > 1) await once(gate.signal, "abort");
      ended += 1;
    },
  });
  await eventually(() => expect(runs).toBe(2));
  await running.stop(10);
  expect(ended).toBe(1);
  gate.abort();
  await running.stop(5_000);
  expect(ended).toBe(2);
});

it("that are long hold up neither the start nor the stop: they are told to end", async () => {
  let [isRunning, hasEnded] = [false, false];
  const running = await start({
    name: "long",
    everyMs: 1,
    isLong: true,
    run: async (_now, signal) => {
      isRunning = true;
      await once(signal, "abort");
      hasEnded = true;
      signal.throwIfAborted();
    },
  });
  await eventually(() => expect(isRunning).toBe(true));
  await running.stop(5_000);
  expect(hasEnded).toBe(true);
});
