import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { expect, test } from "vitest";
import { createDatabase, createFolder, execute } from "../../test/harness.js";
import { migrate, migrationsFolder, nextMigration, readMigrations } from "./migrate.js";

const log = pino({ level: "silent" });

async function folderWith(files: Record<string, string>): Promise<string> {
  const folder = await createFolder();
  for (const [name, sql] of Object.entries(files)) await writeFile(join(folder, name), sql);
  return folder;
}

test("applies each migration once, however many processes start together", async () => {
  await using database = await createDatabase();
  await execute(database.url, "drop schema public cascade; create schema public");
  const folder = await folderWith({
    "000001_first.sql": "create table first (n int); select pg_sleep(0.1)",
    "000002_second.sql": "create table second (n int)",
  });
  const starters = Array.from({ length: 4 }, () => migrate(database.url, { log, folder }));
  const applied = (await Promise.all(starters)).flat();
  expect(applied.sort()).toEqual(["000001_first", "000002_second"]);
});

test("applies what was added since, and nothing when there is nothing", async () => {
  await using database = await createDatabase();
  const folder = await createFolder();
  await cp(migrationsFolder, folder, { recursive: true });
  expect(await migrate(database.url, { log, folder })).toEqual([]);
  const number = (await readMigrations(folder)).length + 1;
  const name = `${String(number).padStart(6, "0")}_added`;
  await writeFile(join(folder, `${name}.sql`), "create table added (n int)");
  expect(await migrate(database.url, { log, folder })).toEqual([name]);
});

test("a migration that fails leaves nothing behind and says which it was", async () => {
  await using database = await createDatabase();
  await execute(database.url, "drop schema public cascade; create schema public");
  const folder = await folderWith({ "000001_bad.sql": "create table half (n int); select 1 / 0" });
  await expect(migrate(database.url, { log, folder })).rejects.toThrow(
    "migration 000001_bad failed: division by zero",
  );
  await expect(execute(database.url, "select * from half")).rejects.toThrow("does not exist");
});

test("an older program refuses a newer schema and says what to do", async () => {
  await using database = await createDatabase();
  await execute(
    database.url,
    "insert into schema_migrations (number, name, checksum) values (999999, '999999_future', '')",
  );
  await expect(migrate(database.url, { log })).rejects.toThrow(
    /newer schema \(999999_future\).*update Nightbell/,
  );
});

test("refuses a database made by another text of the same migration", () => {
  const migration = { number: 1, name: "000001_a", sql: "", checksum: "new" };
  expect(() => nextMigration([migration], [{ ...migration, checksum: "old" }])).toThrow(
    "000001_a is not the one",
  );
});

test("refuses a gap in the numbers", async () => {
  const folder = await folderWith({ "000001_a.sql": "", "000003_c.sql": "" });
  await expect(readMigrations(folder)).rejects.toThrow("000003_c");
});
