import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Registry } from "prom-client";
import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { createDatabase, eventually, type TestDatabase } from "../../test/harness.js";
import { type DatabaseHandle, openDatabase } from "./db.js";
import { backoffMs, type Lease, LeaseLostError, WorkTable } from "./lease.js";
import { createLogger } from "./log.js";
import { type Handler, Worker, workMetrics } from "./worker.js";

let database: TestDatabase;
let handle: DatabaseHandle;
let table: WorkTable;

beforeAll(async () => {
  database = await createDatabase();
  handle = openDatabase(database.url, { poolSize: 10, applicationName: "lease-test" });
  table = new WorkTable(handle.db, "errands", { leaseMs: 60_000 });
  await sql`
    create table errands (
      id uuid primary key, due_at timestamptz, lease_owner uuid, lease_until timestamptz,
      fencing_token bigint not null default 0, attempt integer not null default 0, result text)`.execute(
    handle.db,
  );
});
beforeEach(() => sql`truncate errands`.execute(handle.db));
afterAll(async () => {
  await handle.close();
  await database.drop();
});

/** Due now. */
async function addErrands(count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => randomUUID());
  await sql`insert into errands (id, due_at) select unnest(${ids}::uuid[]), now()`.execute(handle.db);
  return ids;
}

/** As if that long had passed. */
async function fastForward(seconds: number): Promise<void> {
  await sql`
    update errands set due_at = due_at - ${seconds} * interval '1 second',
      lease_until = lease_until - ${seconds} * interval '1 second'`.execute(handle.db);
}

/** Stores a result under the lease, as a handler does. */
async function finish(lease: Lease, result: string): Promise<void> {
  await handle.db.transaction().execute(async (tx) => {
    await sql`update errands set result = coalesce(result || ' ', '') || ${result} where id = ${lease.id}`.execute(
      tx,
    );
    await table.release(tx, lease, null);
  });
}

async function results(): Promise<(string | null)[]> {
  const { rows } = await sql<{ result: string | null }>`select result from errands order by id`.execute(
    handle.db,
  );
  return rows.map(({ result }) => result);
}

async function countResults(result: string): Promise<number> {
  return (await results()).filter((found) => found === result).length;
}

const ownerA = randomUUID();
const ownerB = randomUUID();

describe("a lease", () => {
  test("is of one owner at a time, and rows that somebody holds are passed over", async () => {
    await addErrands(10);
    const [a, b] = await Promise.all([table.lease(ownerA, 6), table.lease(ownerB, 6)]);
    expect(new Set([...a, ...b].map(({ id }) => id)).size).toBe(10);
    expect(a.length + b.length).toBe(10);
    expect(await table.lease(ownerA, 10)).toEqual([]);
  });

  test("is passed on when it runs out, and what its former holder found out is not stored", async () => {
    await addErrands(1);
    const [stale] = (await table.lease(ownerA, 1)) as [Lease];
    await fastForward(61);
    const [fresh] = (await table.lease(ownerB, 1)) as [Lease];
    expect(fresh).toMatchObject({ id: stale.id, attempt: 2 });
    expect(await table.renew([stale])).toEqual(new Set());
    await expect(finish(stale, "stale")).rejects.toThrow(LeaseLostError);
    await finish(fresh, "fresh");
    expect(await results()).toEqual(["fresh"]);
  });

  test("that was renewed is not passed on", async () => {
    await addErrands(1);
    const leases = await table.lease(ownerA, 1);
    await fastForward(59);
    expect(await table.renew(leases)).toEqual(new Set(leases.map(({ id }) => id)));
    await fastForward(59);
    expect(await table.lease(ownerB, 1)).toEqual([]);
  });

  test("ends once, and the row is due again when it was said to be", async () => {
    await addErrands(1);
    const [lease] = (await table.lease(ownerA, 1)) as [Lease];
    await table.release(handle.db, lease, 30_000);
    await expect(table.release(handle.db, lease, null)).rejects.toThrow(LeaseLostError);
    expect(await table.lease(ownerB, 1)).toEqual([]);
    await fastForward(31);
    expect(await table.lease(ownerB, 1)).toHaveLength(1);
  });

  test("is held by its last owner alone, and done once, whatever happens in whatever order", async () => {
    type Step = { who: "a" | "b"; what: "lease" | "finish" | "renew" } | { what: "expire" };
    const step = fc.oneof(
      fc.record({
        who: fc.constantFrom("a" as const, "b" as const),
        what: fc.constantFrom("lease" as const, "finish" as const, "renew" as const),
      }),
      fc.record({ what: fc.constant("expire" as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps: Step[]) => {
        await sql`truncate errands`.execute(handle.db);
        await addErrands(1);
        const held: { a: Lease | null; b: Lease | null } = { a: null, b: null };
        let holder: "a" | "b" | null = null;
        let isExpired = false;
        let isDone = false;
        const [observed, expected]: [boolean[], boolean[]] = [[], []];
        for (const one of steps) {
          if (one.what === "expire") {
            await fastForward(61);
            isExpired = true;
            continue;
          }
          const mine = held[one.who];
          const isHolder: boolean = holder === one.who && mine !== null;
          if (one.what === "lease") {
            const [lease] = await table.lease(one.who === "a" ? ownerA : ownerB, 1);
            observed.push(lease !== undefined);
            expected.push(!isDone && (holder === null || isExpired));
            if (lease === undefined) continue;
            held[one.who] = lease;
            [holder, isExpired] = [one.who, false];
          } else if (mine !== null && one.what === "renew") {
            observed.push((await table.renew([mine])).size === 1);
            expected.push(isHolder);
            if (isHolder) isExpired = false;
          } else if (mine !== null) {
            const done = await finish(mine, one.who).then(
              () => true,
              () => false,
            );
            observed.push(done);
            expected.push(isHolder);
            if (isHolder) [isDone, holder] = [true, null];
          }
        }
        expect(observed).toEqual(expected);
        expect((await results())[0]?.split(" ").length ?? 0).toBe(isDone ? 1 : 0);
      }),
      { numRuns: 40 },
    );
  });
});

function startWorker(handleLease: Handler, concurrency = 4): Worker {
  return new Worker({
    db: handle.db,
    table,
    concurrency,
    renewEveryMs: 20,
    handle: handleLease,
    log: createLogger("silent", "test"),
    metrics: workMetrics(new Registry()),
  });
}

describe("workers", () => {
  test("two of them do everything once between them, never more at once than allowed", async () => {
    await addErrands(200);
    let [running, most] = [0, 0];
    const by = (name: string) => async (lease: Lease) => {
      running += 1;
      most = Math.max(most, running);
      await finish(lease, name);
      running -= 1;
    };
    const workers = [startWorker(by("one")), startWorker(by("two"))];
    await eventually(async () => expect((await results()).every((result) => result !== null)).toBe(true));
    await Promise.all(workers.map((worker) => worker.stop(1_000)));
    expect(new Set(await results())).toEqual(new Set(["one", "two"]));
    expect(most).toBeLessThanOrEqual(8);
  });

  test("what one that was killed held is done by another once its lease runs out", async () => {
    await addErrands(3);
    await table.lease(ownerA, 3); // Never heard of again.
    const worker = startWorker((lease) => finish(lease, `attempt ${lease.attempt}`));
    await fastForward(59);
    expect(await results()).toEqual([null, null, null]);
    await fastForward(2);
    await eventually(async () => expect(await results()).toEqual(Array(3).fill("attempt 2")));
    await worker.stop(1_000);
  });

  test("what fails is tried again later, and is not in the way of the rest", async () => {
    const [poison = ""] = await addErrands(1);
    await addErrands(2);
    const worker = startWorker(async (lease) => {
      if (lease.id === poison && lease.attempt < 3) throw new Error("not today");
      await finish(lease, `attempt ${lease.attempt}`);
    }, 1);
    await eventually(async () => expect(await countResults("attempt 1")).toBe(2));
    await eventually(async () => {
      await fastForward(600);
      expect(await countResults("attempt 3")).toBe(1);
    });
    await worker.stop(1_000);
  });

  test("one that loses a lease is told so, and one that stops gives back what it cannot finish", async () => {
    await addErrands(1);
    const [begun, told]: number[][] = [[], []];
    const worker = startWorker(
      ({ attempt }, signal) =>
        new Promise((_resolve, reject) => {
          begun?.push(attempt);
          signal.addEventListener("abort", () => {
            told?.push(attempt);
            reject(new Error("told to stop"));
          });
        }),
    );
    await eventually(() => expect(begun).toEqual([1]));
    // As somebody would who leases it after a standstill of this process.
    await sql`update errands set fencing_token = 99, attempt = 99`.execute(handle.db);
    await eventually(() => expect(told).toEqual([1]));
    await fastForward(61);
    await eventually(() => expect(begun).toEqual([1, 100]));
    await worker.stop(0);
    expect(told).toEqual([1, 100]);
    expect(await table.lease(ownerA, 1)).toHaveLength(1);
  });
});

test("waits grow twofold to a bound, and chance shortens them by a fifth at most", () => {
  const bounds = { firstMs: 100, longestMs: 1_000 };
  expect([1, 2, 3, 4, 5, 50].map((attempt) => backoffMs(attempt, bounds, 0))).toEqual([
    100, 200, 400, 800, 1_000, 1_000,
  ]);
  expect(backoffMs(1, bounds, 0.999)).toBeGreaterThan(80);
});
