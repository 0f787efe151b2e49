import type { Pool } from "pg";
import { expect, test } from "vitest";
import { createWorld, sampleAt, store } from "../../../test/samples.js";
import { hoursAmong, hoursBetween } from "./chunks/hours.js";
import {
  dropPartition,
  ensureHours,
  ensurePartitions,
  partitionedHours,
  partitionName,
} from "./partitions.js";

const NOW = Date.UTC(2026, 10, 22, 5, 17);
const hour = (offset: number) => Date.UTC(2026, 10, 22, 5 + offset);

test("cover the hour before, this one and the next three, created once by many at the same time", async () => {
  await using world = await createWorld();
  const { db, pool } = world.database;
  await Promise.all(Array.from({ length: 4 }, () => ensurePartitions(db, NOW)));
  await ensurePartitions(db, NOW);
  expect(await partitionedHours(db, NOW * 2)).toEqual([hour(-1), hour(0), hour(1), hour(2), hour(3)]);
  const { rows } = await pool.query<{ name: string; bounds: string }>(
    `select relname as name, pg_get_expr(relpartbound, oid) as bounds from pg_class
     where relname = 'samples_2026112205'`,
  );
  expect(rows).toEqual([
    { name: "samples_2026112205", bounds: `FOR VALUES FROM ('${hour(0)}') TO ('${hour(1)}')` },
  ]);
});

test("are found by the window that they overlap", async () => {
  await using world = await createWorld();
  const { db, pool } = world.database;
  await ensureHours(db, [hour(-30), hour(0), hour(1)]);
  expect([...(await hoursBetween(pool, hour(0) + 5, hour(1) + 5))]).toEqual([
    [hour(1), "raw"],
    [hour(0), "raw"],
  ]);
  expect([...(await hoursBetween(pool, 0, hour(0))).keys()]).toEqual([hour(0), hour(-30)]);
  expect([...(await hoursAmong(pool, [hour(1), hour(2)])).keys()]).toEqual([hour(1)]);
});

test("are dropped without stopping those who use the table, and after an interruption as well", async () => {
  await using world = await createWorld();
  const { db, pool } = world.database;
  await store(world, [sampleAt(hour(0), 1), sampleAt(hour(1), 1)], NOW);
  const [reader, dropper] = [await pool.connect(), await pool.connect()];
  try {
    await reader.query("begin isolation level repeatable read");
    await reader.query("select from samples");
    await dropper.query("set statement_timeout = 300");
    const name = partitionName(hour(0));
    await expect(dropPartition(dropper as unknown as Pool, "samples", name)).rejects.toThrow("timeout");
    // The other hours can be written and read while it waits.
    await store(world, [sampleAt(hour(1), 2)], NOW);
    expect((await pool.query("select from samples where slot >= $1", [hour(1)])).rowCount).toBe(2);
    await reader.query("commit");
    await dropPartition(pool, "samples", name);
    expect(await partitionedHours(db, NOW * 2)).toEqual([hour(1)]);
    await dropPartition(pool, "samples", name);
  } finally {
    reader.release();
    dropper.release(true);
  }
});

test("are created while others write and read", async () => {
  await using world = await createWorld();
  const { db, pool } = world.database;
  await ensureHours(db, [hour(0)]);
  const writer = await pool.connect();
  try {
    await writer.query("begin");
    await writer.query(
      `insert into samples (slot, job_no, location_no, status, lateness_us, sequence_number, recorded_at)
       values ($1, 1, 1, 0, 0, 0, now())`,
      [hour(0)],
    );
    await ensureHours(db, [hour(1)]);
    await store(world, [sampleAt(hour(1), 1)], NOW);
    await writer.query("commit");
  } finally {
    writer.release();
  }
  const { rows } = await pool.query("select count(*) from samples");
  expect(rows).toEqual([{ count: 2 }]);
});
