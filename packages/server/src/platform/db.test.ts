import { sql } from "kysely";
import { expect, test } from "vitest";
import { createDatabase, eventually } from "../../test/harness.js";
import { startProxy } from "../../test/proxy.js";
import { isDatabaseUnavailable, openDatabase } from "./db.js";

test("a query that is not answered is given up in time, and its connection not used again", async () => {
  await using database = await createDatabase();
  await using proxy = await startProxy(database.url);
  const { db, pool, close } = openDatabase(proxy.url, {
    poolSize: 2,
    applicationName: "silent",
    statementTimeoutMs: 100,
  });
  await Promise.all([pool.query("select pg_sleep(0.05)"), pool.query("select pg_sleep(0.05)")]);
  expect(pool.idleCount).toBe(2);

  const startedAt = performance.now();
  const failures = await Promise.all([
    db
      .transaction()
      .execute(async (tx) => {
        await sql`select 1`.execute(tx);
        proxy.freeze();
        await sql`select 2`.execute(tx);
      })
      .catch((error: unknown) => error),
    sql`select pg_sleep(0.09)`.execute(db).catch((error: unknown) => error),
  ]);
  expect(failures.map(isDatabaseUnavailable)).toEqual([true, true]);
  // Not also another time limit for the transaction's rollback.
  expect(performance.now() - startedAt).toBeLessThan(2_000);
  expect(pool.totalCount).toBe(0);

  await proxy.mend();
  expect((await sql<{ three: number }>`select 3 as three`.execute(db)).rows).toEqual([{ three: 3 }]);
  await close();
});

test("a statement beyond its time is ended by Postgres, and the connection stays", async () => {
  await using database = await createDatabase();
  const { db, close } = openDatabase(database.url, {
    poolSize: 1,
    applicationName: "slow",
    statementTimeoutMs: 100,
  });
  const backend = async () =>
    (await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db)).rows[0]?.pid;
  const before = await backend();
  const failure = await sql`select pg_sleep(5)`.execute(db).catch((error: unknown) => error);
  expect(isDatabaseUnavailable(failure)).toBe(true);
  expect(await backend()).toBe(before);
  await close();
});

test(
  "a client that vanishes in a transaction does not keep what it locked",
  { timeout: 40_000 },
  async () => {
    await using database = await createDatabase();
    await using proxy = await startProxy(database.url);
    const options = { poolSize: 1, applicationName: "vanishing" };
    const [gone, other] = [openDatabase(proxy.url, options), openDatabase(database.url, options)];
    await sql`create table things (id integer primary key)`.execute(other.db);
    const vanished = gone.db
      .transaction()
      .execute(async (tx) => {
        await sql`insert into things values (1)`.execute(tx);
        proxy.freeze();
        await sql`select`.execute(tx);
      })
      .catch((error: unknown) => error);
    await eventually(async () => {
      const { rows } = await sql`
      select from pg_stat_activity where application_name = 'vanishing' and state = 'idle in transaction'`.execute(
        other.db,
      );
      expect(rows).toHaveLength(1);
    });
    // It waits for the other's transaction to end.
    await sql`insert into things values (1)`.execute(other.db);
    await proxy.cut();
    expect(isDatabaseUnavailable(await vanished)).toBe(true);
    await Promise.all([gone.close(), other.close()]);
  },
);
