// A real Postgres beside the program, from binaries in npm packages: crash-safe, on loopback, with a random password.
// At most one Nightbell uses a data folder; a server that outlived a killed one is stopped and its data taken over.
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import type { Logger } from "../log.js";
import { prepareBinaries } from "./binaries.js";
import { ensureCluster, readPassword, SUPERUSER } from "./cluster.js";
import { createDataDir, lockDataDir } from "./data-dir.js";
import {
  TransientStartError,
  type Postmaster,
  type PostmasterPlace,
  startPostmaster,
  stopOrphan,
} from "./postmaster.js";
import { assertReachable, chooseServerUser } from "./server-user.js";
import { serverSettings, type Settings } from "./settings.js";

export { chooseDataDir } from "./data-dir.js";
export { maxConnections } from "./settings.js";

const DATABASE = "nightbell";
/** A port taken meanwhile, or backends of a killed server that take a moment to notice. */
const START_ATTEMPTS = 10;
const START_RETRY_MS = 300;
const CONNECT_TIMEOUT_MS = 10_000;
const STOP_TIMEOUT_MS = 10_000;

export interface EmbeddedPostgresOptions {
  /** Created when missing. Holds the cluster, the server's log and the lock. */
  readonly dataDir: string;
  readonly log: Logger;
  /** A free one by default. */
  readonly port?: number;
  /** Override the server's settings. */
  readonly settings?: Settings;
}

export interface EmbeddedPostgres {
  readonly url: string;
  readonly pid: number;
  /** For example 18.4. */
  readonly version: string;
  /** Resolves when the present server process has ended, whether by `stop` or by itself. */
  readonly exited: Promise<void>;
  /** Starts the server again under the same URL after it has ended by itself. */
  restart(): Promise<void>;
  /** Fast shutdown; after the deadline an immediate one. The folder is free for others afterwards. */
  stop(deadlineMs?: number): Promise<void>;
}

/** Starts the server on the data folder; creates what is missing. Throws EmbeddedPostgresError with a one-line message. */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = await createDataDir(resolve(options.dataDir));
  const lock = lockDataDir(dataDir);
  try {
    return await startLocked(dataDir, options, () => lock.release());
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function startLocked(
  dataDir: string,
  { log, port: givenPort, settings }: EmbeddedPostgresOptions,
  releaseLock: () => void,
): Promise<EmbeddedPostgres> {
  const folder = join(dataDir, "postgres");
  const user = await chooseServerUser(folder);
  if (user !== null) await assertReachable(dataDir, user);
  const binaries = await prepareBinaries(dataDir, user);
  const orphan = await stopOrphan(folder);
  if (orphan !== null) log.warn({ pid: orphan }, "stopped a Postgres that outlived its Nightbell");

  const startedAt = performance.now();
  if (await ensureCluster(folder, binaries, user)) {
    log.info({ durationMs: since(startedAt), user: user?.name }, "created the embedded database");
  }
  const password = await readPassword(folder);
  const place: PostmasterPlace = { folder, logFile: join(dataDir, "postgres.log"), binaries, user, log };

  const launchedAt = performance.now();
  const { postmaster: first, port } = await startOnFreePort(place, givenPort, settings);
  log.info({ durationMs: since(launchedAt), port, postgresPid: first.pid }, "started Postgres");
  const url = `postgresql://${SUPERUSER}:${password}@127.0.0.1:${port}/${DATABASE}`;
  try {
    await ensureDatabase(url);
  } catch (error) {
    await first.stop(STOP_TIMEOUT_MS);
    throw error;
  }

  let postmaster = first;
  let restarting: Promise<unknown> = Promise.resolve();
  return {
    url,
    version: binaries.version,
    get pid() {
      return postmaster.pid;
    },
    get exited() {
      return postmaster.exited;
    },
    async restart() {
      const started = startPostmaster(place, { ...serverSettings(port), ...settings });
      restarting = started.catch(() => {}); // Reported to the caller of restart.
      postmaster = await started;
    },
    async stop(deadlineMs = STOP_TIMEOUT_MS) {
      await Promise.race([restarting, sleep(deadlineMs, undefined, { ref: false })]);
      await postmaster.stop(deadlineMs);
      releaseLock();
    },
  };
}

async function startOnFreePort(
  place: PostmasterPlace,
  givenPort: number | undefined,
  settings: Settings | undefined,
): Promise<{ postmaster: Postmaster; port: number }> {
  for (let attempt = 1; ; attempt++) {
    const port = givenPort ?? (await findFreePort());
    try {
      return { postmaster: await startPostmaster(place, { ...serverSettings(port), ...settings }), port };
    } catch (error) {
      if (!(error instanceof TransientStartError) || attempt === START_ATTEMPTS) throw error;
      await sleep(START_RETRY_MS);
    }
  }
}

/** Connects, which also proves that the password is right, and creates the database at the first start. */
async function ensureDatabase(url: string): Promise<void> {
  try {
    await withClient(url, async () => {});
  } catch (error) {
    const noSuchDatabase = "3D000";
    if ((error as { code?: string }).code !== noSuchDatabase) throw error;
    const other = new URL(url);
    other.pathname = "/postgres";
    await withClient(other.href, (client) => client.query(`create database ${DATABASE}`));
  }
}

async function withClient(url: string, use: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  await client.connect();
  try {
    await use(client);
  } finally {
    await client.end();
  }
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

function since(startedAt: number): number {
  return Math.round(performance.now() - startedAt);
}
