// A Postgres for benchmarks: the embedded one with its default, durable settings, and what it costs.
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cpuSecondsOfTree } from "./processes.mjs";

/** For one statement that makes a hundred thousand jobs with their search texts. */
const FILL_TIMEOUT_MS = 300_000;

/**
 * Starts a server; `open` makes a migrated database of it, and `close` ends everything. `folder` goes with it.
 */
export async function startServer({ poolSize = 4 } = {}) {
  const { startEmbeddedPostgres } = await load("platform/embedded-postgres/index.js");
  const { createLogger } = await load("platform/log.js");
  const { migrate } = await load("platform/migrate.js");
  const { openDatabase } = await load("platform/db.js");
  const folder = await mkdtemp(join(tmpdir(), "nightbell-bench-"));
  await chmod(folder, 0o711); // Root starts Postgres as another user.
  const log = createLogger("error", "bench");
  const postgres = await startEmbeddedPostgres({ dataDir: join(folder, "data"), log });
  const opened = [];
  const connect = (url) => {
    const options = { poolSize, applicationName: "bench", statementTimeoutMs: FILL_TIMEOUT_MS };
    const database = openDatabase(url, options);
    opened.push(database);
    return database;
  };
  return {
    log,
    folder,
    async open(name) {
      await connect(postgres.url).pool.query(`create database ${name}`);
      const url = new URL(postgres.url);
      url.pathname = `/${name}`;
      await migrate(url.href, { log });
      return connect(url.href);
    },
    cpuSeconds: () => cpuSecondsOfTree(postgres.pid),
    async close() {
      for (const database of opened) await database.close();
      await postgres.stop();
      await rm(folder, { recursive: true });
    },
  };
}

/** Of tables by the beginning of their names, with their indexes. */
export async function sizeOf({ pool }, prefix) {
  const { rows } = await pool.query(
    `select coalesce(sum(pg_total_relation_size(oid)), 0)::float8 as bytes from pg_class
     where relkind = 'r' and starts_with(relname, $1)`,
    [prefix],
  );
  return rows[0].bytes;
}

/** A module of the built server, by its path. */
export function load(path) {
  return import(new URL(`../../packages/server/dist/${path}`, import.meta.url).href);
}
