import { type ChildProcess, spawn } from "node:child_process";
import { chmod, cp, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { pino } from "pino";
import { afterEach, describe, expect, test } from "vitest";
import { createFolder } from "../../../test/harness.js";
import { installedPackage, prepareBinaries } from "./binaries.js";
import { initdbReason } from "./cluster.js";
import { chooseDataDir } from "./data-dir.js";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./index.js";
import { summarizeLog } from "./postmaster.js";
import { chooseServerUser, runAs } from "./server-user.js";
import { sharedBuffersBytes } from "./settings.js";

const log = pino({ level: "silent" });
const isRoot = process.getuid?.() === 0;

const servers: EmbeddedPostgres[] = [];
const programs: ChildProcess[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
  for (const program of programs.splice(0)) program.kill("SIGKILL");
});

async function start(dataDir: string): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({
    dataDir,
    log,
    settings: { shared_buffers: "16MB", fsync: "off" },
  });
  servers.push(server);
  return server;
}

/** A data folder whose cluster was created and cleanly stopped. */
async function stoppedDataDir(): Promise<string> {
  const dataDir = join(await createFolder(), "data");
  const server = await start(dataDir);
  await server.stop();
  return dataDir;
}

async function value(url: string, expression: string): Promise<unknown> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ value: unknown }>(`select ${expression} as value`);
    return rows[0]?.value;
  } finally {
    await client.end();
  }
}

/** The message of the error of a start that must fail, which must be one line. */
async function failureOf(starting: Promise<unknown>): Promise<string> {
  const error = await starting.then(
    () => new Error("it started"),
    (reason: Error) => reason,
  );
  expect(error.message).not.toContain("\n");
  return error.message;
}

/** A link of the list that the package comes with. */
async function firstLink(folder: string): Promise<string> {
  const list = JSON.parse(await readFile(join(folder, "native/pg-symlinks.json"), "utf8")) as {
    target: string;
  }[];
  return join(folder, list[0]?.target ?? "none");
}

describe("the embedded Postgres", () => {
  test("goes on with its data at the second start", async () => {
    const dataDir = join(await createFolder(), "data");
    const first = await start(dataDir);
    const systemId = "(select system_identifier from pg_control_system())";
    const created = await value(first.url, systemId);
    await first.stop();
    const second = await start(dataDir);
    expect(await value(second.url, systemId)).toBe(created);
    expect(await value(second.url, "current_database()")).toBe("nightbell");
  });

  test("lets nobody in without the password, and lets nobody else read it", async () => {
    const dataDir = join(await createFolder(), "data");
    const server = await start(dataDir);
    const guess = new URL(server.url);
    guess.password = "guess";
    await expect(value(guess.href, "1")).rejects.toThrow("password authentication failed");
    expect(await value(server.url, "current_setting('unix_socket_directories')")).toBe("");
    expect(await value(server.url, "current_setting('listen_addresses')")).toBe("127.0.0.1");
    for (const path of ["postgres", "postgres/nightbell-password", "nightbell.lock"]) {
      expect((await stat(join(dataDir, path))).mode & 0o077).toBe(0);
    }
  });

  test("has its data folder for itself", async () => {
    const dataDir = join(await createFolder(), "data");
    await start(dataDir);
    expect(await failureOf(start(dataDir))).toContain(
      `${dataDir} is in use by Nightbell process ${process.pid}`,
    );
  });

  test("starts again under the same address after it was killed", async () => {
    const server = await start(join(await createFolder(), "data"));
    process.kill(server.pid, "SIGKILL");
    await server.exited;
    await server.restart();
    expect(await value(server.url, "1")).toBe(1);
  });

  test("starts over where an earlier creation was cut off", async () => {
    const dataDir = join(await createFolder(), "data");
    await mkdir(join(dataDir, "postgres.new/cluster"), { recursive: true });
    await chmod(dataDir, 0o711);
    await writeFile(join(dataDir, "postgres.new/cluster/PG_VERSION"), "18\n");
    const server = await start(dataDir);
    expect(await value(server.url, "1")).toBe(1);
    expect(existsSync(join(dataDir, "postgres.new"))).toBe(false);
  });

  test("starts with an empty postmaster.pid, and with one whose process id is another program's now", async () => {
    const dataDir = await stoppedDataDir();
    const pidFile = join(dataDir, "postgres/postmaster.pid");
    await writeFile(pidFile, "");
    await (await start(dataDir)).stop();

    // Postgres takes any program of its own user for a server.
    const user = await chooseServerUser(join(dataDir, "postgres"));
    const other = spawn("sleep", ["60"], runAs(user));
    programs.push(other);
    await writeFile(
      pidFile,
      `${other.pid}\n${join(dataDir, "postgres")}\n1700000000\n5432\n\n127.0.0.1\n 1 1\nready\n`,
    );
    if (user !== null) await chmod(pidFile, 0o644);
    await (await start(dataDir)).stop();
    expect(other.exitCode ?? other.signalCode).toBeNull();
  });

  test("says in one line why it cannot start", async () => {
    const dataDir = await stoppedDataDir();
    const cluster = join(dataDir, "postgres");
    const control = join(cluster, "global/pg_control");
    const bytes = await readFile(control);
    await writeFile(control, Buffer.alloc(bytes.length, 7));
    expect(await failureOf(start(dataDir))).toMatch(/did not start: .+ \(more in .+postgres\.log\)$/);
    await writeFile(control, bytes);

    await writeFile(join(cluster, "PG_VERSION"), "17\n");
    expect(await failureOf(start(dataDir))).toContain("was written by Postgres 17, and this is Postgres 18");
    await rm(join(cluster, "PG_VERSION"));
    expect(await failureOf(start(dataDir))).toContain("holds no database");
    await writeFile(join(cluster, "PG_VERSION"), "18\n");

    await rm(join(cluster, "nightbell-password"));
    expect(await failureOf(start(dataDir))).toContain("nightbell-password");
  });

  test("says which folder cannot be created", async () => {
    const file = join(await createFolder(), "file");
    await writeFile(file, "");
    expect(await failureOf(start(join(file, "data")))).toContain(`${file}/data cannot be created`);
  });
});

describe("its binaries", () => {
  test("are given the links that an installation without scripts leaves out", async () => {
    const folder = join(await createFolder(), "package");
    await cp(installedPackage().folder, folder, { recursive: true, verbatimSymlinks: true });
    const link = await firstLink(folder);
    await rm(link, { force: true });
    const binaries = await prepareBinaries(await createFolder(), null, { folder, version: "1" });
    expect(binaries.postgres).toContain(folder);
    expect(existsSync(link)).toBe(true);
  });

  test("are copied once when the package cannot be changed or reached", async () => {
    const parent = await createFolder();
    const folder = join(parent, "package");
    await cp(installedPackage().folder, folder, { recursive: true, verbatimSymlinks: true });
    const link = await firstLink(folder);
    await rm(link, { force: true });
    await chmod(join(folder, "native/lib"), 0o555);
    await chmod(parent, 0o700);
    const dataDir = await createFolder();
    const user = await chooseServerUser(join(dataDir, "postgres"));
    const binaries = await prepareBinaries(dataDir, user, { folder, version: "1" });
    expect(binaries.postgres).toContain(dataDir);
    const { ino } = await stat(binaries.postgres);
    const again = await prepareBinaries(dataDir, user, { folder, version: "1" });
    expect((await stat(again.postgres)).ino).toBe(ino);
    await chmod(join(folder, "native/lib"), 0o755);
  });
});

describe.runIf(isRoot)("started by root", () => {
  test("runs as another user", async () => {
    const dataDir = join(await createFolder(), "data");
    await start(dataDir);
    expect((await stat(join(dataDir, "postgres/postmaster.pid"))).uid).not.toBe(0);
  });

  test("names the folder that keeps that user from an explicit data folder", async () => {
    const closed = join(await createFolder(), "closed");
    await mkdir(closed, { mode: 0o700 });
    expect(await failureOf(start(join(closed, "data")))).toContain(`cannot enter ${closed};`);
  });

  test("keeps the default data folder out of a closed working directory", async () => {
    const open = await createFolder();
    const closed = join(open, "closed");
    await mkdir(closed, { mode: 0o700 });
    expect(await chooseDataDir(undefined, open)).toBe(join(open, ".nightbell"));
    expect(await chooseDataDir(undefined, closed)).toBe("/var/lib/nightbell");
    expect(await chooseDataDir("data", closed)).toBe(join(closed, "data"));
  });
});

test("shared_buffers follow the memory within bounds", () => {
  const gib = 2 ** 30;
  expect(sharedBuffersBytes(64 * gib)).toBe(gib);
  expect(sharedBuffersBytes(2 * gib)).toBe(gib / 4);
  expect(sharedBuffersBytes(64 * 2 ** 20)).toBe(32 * 2 ** 20);
});

test("a log is summarized by its last fatal line, else its last", () => {
  const fatal =
    "2026-01-01 UTC [1] LOG:  starting\n2026-01-01 UTC [1] FATAL:  no space left\n2026-01-01 UTC [1] LOG:  shut down\n";
  expect(summarizeLog(fatal)).toBe("no space left");
  expect(summarizeLog("error while loading shared libraries: libicu\n\n")).toBe(
    "error while loading shared libraries: libicu",
  );
  expect(summarizeLog("")).toBeNull();
});

test("a failed creation is explained by the first complaint of initdb", () => {
  expect(
    initdbReason(
      '2026-01-01 UTC [1] FATAL:  could not extend file "base/1/2691": No space left on device\nAborted\ninitdb: removing data directory "/x"\n',
    ),
  ).toBe('could not extend file "base/1/2691": No space left on device');
  expect(initdbReason("initdb: could not look up effective user ID 12345: user does not exist\n")).toContain(
    "needs an entry in /etc/passwd",
  );
  expect(initdbReason("")).toBeNull();
});
