import { randomUUID } from "node:crypto";
import { cp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createDatabase, createFolder, execute } from "../../../test/harness.js";
import { openDatabase } from "../../platform/db.js";
import { createLogger } from "../../platform/log.js";
import { migrate, migrationsFolder } from "../../platform/migrate.js";
import { addDefaultRule } from "./default-rule.js";

/** The migration that brought alert rules. */
const ALERTS = "000009_alerts.sql";

test("organisations that are older than alert rules get the one that new ones begin with", async () => {
  await using empty = await createDatabase();
  await execute(empty.url, "drop schema public cascade; create schema public");
  const log = createLogger("silent", "test");
  const before = await createFolder();
  await cp(migrationsFolder, before, { recursive: true });
  for (const file of await readdir(before)) if (file > ALERTS) await rm(join(before, file));
  await migrate(empty.url, { log, folder: before });

  const database = openDatabase(empty.url, { poolSize: 2, applicationName: "test" });
  const { pool, db } = database;
  try {
    const [old, oldWithRule, young, fresh] = Array.from({ length: 4 }, () => randomUUID()) as [
      string,
      string,
      string,
      string,
    ];
    await pool.query(
      `insert into organisations (id, name, created_at)
       values ($1, 'old', now() - interval '1 day'), ($2, 'old', now() - interval '1 day'), ($3, 'young', now())`,
      [old, oldWithRule, young],
    );
    await pool.query(
      `insert into alert_rules (id, organisation_id, name, selector, condition, severity, is_enabled)
       values (gen_random_uuid(), $1, 'Own', '{"kind": "all"}', '{}', 'info', true)`,
      [oldWithRule],
    );
    await migrate(empty.url, { log });
    const rulesOf = async (organisationId: string) =>
      (
        await pool.query<{ name: string }>(
          `select name, selector, condition, quorum, severity, is_enabled, version, substr(id::text, 15, 1) as uuid_version
           from alert_rules where organisation_id = $1`,
          [organisationId],
        )
      ).rows;
    await pool.query("insert into organisations (id, name) values ($1, 'fresh')", [fresh]);
    await db.transaction().execute((tx) => addDefaultRule(tx, fresh, Date.now()));
    expect(await rulesOf(fresh)).toMatchObject([{ name: "No answer", uuid_version: "7" }]);
    expect(await rulesOf(old)).toEqual(await rulesOf(fresh));
    expect(await rulesOf(oldWithRule)).toMatchObject([{ name: "Own" }]);
    // It was made with a rule, which somebody has deleted.
    expect(await rulesOf(young)).toEqual([]);
  } finally {
    await database.close();
  }
});
