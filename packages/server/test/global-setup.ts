// One Postgres for the whole test run, with a migrated template that `createDatabase()` of the harness clones.
import { existsSync } from "node:fs";
import { chmod, mkdtemp, mkdir, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import type { TestProject } from "vitest/node";
import { LOCK_FILE } from "../src/platform/embedded-postgres/data-dir.js";
import { startEmbeddedPostgres } from "../src/platform/embedded-postgres/index.js";
import { stopOrphan } from "../src/platform/embedded-postgres/postmaster.js";
import { lockFile } from "../src/platform/file-lock.js";
import { createLogger } from "../src/platform/log.js";
import { migrate } from "../src/platform/migrate.js";
import { endLeakedServers } from "./run-folder.js";

export interface TestRun {
  /** Data folders and the list of started servers; removed when the run ends. */
  readonly folder: string;
  /** The maintenance database of the run's Postgres. */
  readonly databaseUrl: string;
  /** Migrated and empty; new databases are clones of it. */
  readonly templateDatabase: string;
}

declare module "vitest" {
  interface ProvidedContext {
    testRun: TestRun;
  }
}

const TEMPLATE_DATABASE = "nightbell_template";
const FOLDER_PREFIX = "nightbell-tests-";

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await sweepKilledRuns();
  const folder = await mkdtemp(join(tmpdir(), FOLDER_PREFIX));
  await chmod(folder, 0o711); // When root runs the tests, Postgres is another user.
  await mkdir(join(folder, "servers"));
  const log = createLogger("warn", "test");
  const postgres = await startEmbeddedPostgres({
    dataDir: join(folder, "postgres"),
    log,
    // Tests have nothing to lose in a power cut.
    settings: { fsync: "off", full_page_writes: "off", max_connections: "400", shared_buffers: "128MB" },
  });
  const template = new URL(postgres.url);
  template.pathname = `/${TEMPLATE_DATABASE}`;
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  await client.query(`create database ${TEMPLATE_DATABASE}`);
  await migrate(template.href, { log });
  await client.query(`alter database ${TEMPLATE_DATABASE} with is_template true allow_connections false`);
  await client.end();
  project.provide("testRun", {
    folder,
    databaseUrl: postgres.url,
    templateDatabase: TEMPLATE_DATABASE,
  });

  return async () => {
    const leaked = await endLeakedServers(folder);
    await postgres.stop();
    await rm(folder, { recursive: true, maxRetries: 3 });
    if (leaked.length > 0) {
      process.exitCode = 1; // vitest only prints what is thrown here.
      throw new Error(`tests left servers running:\n${leaked.join("\n")}`);
    }
  };
}

/** A run that was killed leaves its Postgres running; the next one ends it. */
async function sweepKilledRuns(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const folder = join(tmpdir(), name);
    const dataDir = join(folder, "postgres");
    if (!name.startsWith(FOLDER_PREFIX) || !existsSync(join(dataDir, LOCK_FILE))) continue;
    try {
      const lock = lockFile(join(dataDir, LOCK_FILE));
      await endLeakedServers(folder);
      await stopOrphan(join(dataDir, "postgres"));
      await rm(folder, { recursive: true });
      lock.release();
    } catch {
      // In use by a run that goes on, or somebody else's: not ours to sweep.
    }
  }
}
