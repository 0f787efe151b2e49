import { expect, test } from "vitest";
import { createWorld, sampleAt, store } from "../../../test/samples.js";
import { ensureHours, ensurePartitions, partitionedHours } from "./partitions.js";

const NOW = Date.UTC(2026, 10, 22, 5, 17);
const hour = (offset: number) => Date.UTC(2026, 10, 22, 5 + offset);

test("cover the hour before, this one and the next three, created once by many at the same time", async () => {
  await using world = await createWorld();
  const { db, pool } = world.database;
  await Promise.all(Array.from({ length: 4 }, () => ensurePartitions(db, NOW)));
  await ensurePartitions(db, NOW);
  expect(await partitionedHours(db, 0, NOW * 2)).toEqual([hour(3), hour(2), hour(1), hour(0), hour(-1)]);
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
  const { db } = world.database;
  await ensureHours(db, [hour(-30), hour(0), hour(1)]);
  expect(await partitionedHours(db, hour(0) + 5, hour(1) + 5)).toEqual([hour(1), hour(0)]);
  expect(await partitionedHours(db, 0, hour(0))).toEqual([hour(0), hour(-30)]);
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
