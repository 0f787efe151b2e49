// A Postgres for benchmarks of history: the embedded one with its default, durable settings, and what it costs.
import { chmod, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Of /proc: what Linux counts in, whatever the kernel was built with. */
const TICKS_PER_SECOND = 100;

/** Starts a server; `open` makes a migrated database of it, and `close` ends everything. */
export async function startServer() {
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
    const database = openDatabase(url, { poolSize: 4, applicationName: "bench" });
    opened.push(database);
    return database;
  };
  return {
    log,
    async open(name) {
      await connect(postgres.url).pool.query(`create database ${name}`);
      const url = new URL(postgres.url);
      url.pathname = `/${name}`;
      await migrate(url.href, { log });
      return connect(url.href);
    },
    cpuSeconds: () => cpuSecondsOf(postgres.pid),
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

/** What a server and all its processes have used, those that ended included; null where there is no /proc. */
async function cpuSecondsOf(postmaster) {
  const names = await readdir("/proc").catch(() => []);
  let ticks = names.length === 0 ? null : 0;
  for (const pid of names.filter((name) => /^\d+$/.test(name))) {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
    // The name of the process, in parentheses, may hold spaces. After it: state, parent, … (proc(5), fields 3 and 4).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [user, system, userOfEnded, systemOfEnded] = fields.slice(11, 15).map(Number);
    if (Number(pid) === postmaster) ticks += user + system + userOfEnded + systemOfEnded;
    else if (Number(fields[1]) === postmaster) ticks += user + system;
  }
  return ticks === null ? null : ticks / TICKS_PER_SECOND;
}

export function load(path) {
  return import(new URL(`../../packages/server/dist/${path}`, import.meta.url).href);
}
