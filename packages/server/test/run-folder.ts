// The folder of a test run: data folders of tests, and the list of programs they started, as a file each, so that the
// run sees what its tests leak.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { chmod, mkdtemp, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { inject } from "vitest";
import { commandLine, stopOrphan } from "../src/platform/embedded-postgres/postmaster.js";
import { packageRoot } from "../src/platform/paths.js";

/** A folder of its own, which the run removes when it ends. */
export async function createFolder(): Promise<string> {
  const folder = await mkdtemp(join(inject("testRun").folder, "folder-"));
  await chmod(folder, 0o711); // When root runs the tests, Postgres is another user.
  return folder;
}

/** The script that a started program runs; a process id alone may be another process's by now. */
export const PROGRAM = join(packageRoot, "test/built-program.mjs");

interface StartedServer {
  readonly startedBy: string;
  readonly dataDir: string;
}

export function recordServer(folder: string, pid: number, server: StartedServer): void {
  // A program that did not start has no id; taking 0 for one would kill the run itself when it cleans up.
  if (pid <= 0) throw new Error("the program did not start");
  mkdirSync(join(folder, "servers"), { recursive: true });
  writeFileSync(join(folder, "servers", String(pid)), JSON.stringify(server));
}

export function forgetServer(folder: string, pid: number): void {
  rmSync(join(folder, "servers", String(pid)), { force: true });
}

/** Kills what still runs, with its embedded Postgres, and says which test had started it. */
export async function endLeakedServers(folder: string): Promise<string[]> {
  const leaked: string[] = [];
  for (const name of await readdir(join(folder, "servers"))) {
    const pid = Number(name);
    const server = JSON.parse(await readFile(join(folder, "servers", name), "utf8")) as StartedServer;
    if (pid > 0 && (await commandLine(pid)).includes(PROGRAM)) {
      process.kill(pid, "SIGKILL");
      leaked.push(`process ${pid}, started by ${server.startedBy}`);
    }
    await stopOrphan(join(server.dataDir, "postgres"));
  }
  return leaked;
}
