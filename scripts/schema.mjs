// Writes packages/server/migrations/schema.sql: what all migrations add up to, read from a database they have made.
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildMissing } from "./build.mjs";

await buildMissing({ web: false });
const platform = new URL("../packages/server/dist/platform/", import.meta.url);
const { startEmbeddedPostgres } = await import(new URL("embedded-postgres/index.js", platform).href);
const { createLogger } = await import(new URL("log.js", platform).href);
const { migrate } = await import(new URL("migrate.js", platform).href);
const { dumpSchema } = await import(new URL("schema-dump.js", platform).href);

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = await mkdtemp(join(tmpdir(), "nightbell-schema-"));
await chmod(folder, 0o711); // Root starts Postgres as another user.
const log = createLogger("warn", "schema");
const postgres = await startEmbeddedPostgres({
  dataDir: join(folder, "data"),
  log,
  settings: { fsync: "off" },
});
try {
  await migrate(postgres.url, { log });
  await writeFile(join(root, "packages/server/migrations/schema.sql"), await dumpSchema(postgres.url));
} finally {
  await postgres.stop();
  await rm(folder, { recursive: true });
}
