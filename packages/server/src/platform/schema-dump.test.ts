import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createDatabase, execute } from "../../test/harness.js";
import { migrationsFolder } from "./migrate.js";
import { dumpSchema } from "./schema-dump.js";

test("schema.sql shows the present migrations (refresh it with: npm run schema)", async () => {
  await using database = await createDatabase();
  expect(await readFile(join(migrationsFolder, "schema.sql"), "utf8")).toBe(await dumpSchema(database.url));
});

test("a kind of object that the dump does not show is an error", async () => {
  await using database = await createDatabase();
  await execute(database.url, "create view seen as select 1 as one");
  await expect(dumpSchema(database.url)).rejects.toThrow("does not show seen");
});
