// The server process: starting it, waiting until it serves, stopping it, and stopping one that outlived its Nightbell.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync } from "node:fs";
import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { Logger } from "../log.js";
import type { Binaries } from "./binaries.js";
import { EmbeddedPostgresError } from "./error.js";
import { runAs, type ServerUser } from "./server-user.js";
import type { Settings } from "./settings.js";

const run = promisify(execFile);
const POLL_MS = 20;
/** Replaying the largest WAL takes about 20 s here; a slow disk gets an order of magnitude more. */
const START_TIMEOUT_MS = 300_000;
const SLOW_START_MS = 3_000;
/** From a fast shutdown to an immediate one, and from that to SIGKILL, when an orphan does not end. */
const ORPHAN_STOP_MS = 20_000;
const IMMEDIATE_STOP_MS = 5_000;
/** The log is cut off at a start; in between Postgres writes a few lines a day. */
const LARGEST_LOG_BYTES = 10 * 2 ** 20;

export interface Postmaster {
  readonly pid: number;
  /** Resolves when the process has ended, by `stop` or by itself. */
  readonly exited: Promise<void>;
  /** Ends sessions, writes a checkpoint, stops. After the deadline it stops at once and recovers at the next start. */
  stop(deadlineMs: number): Promise<void>;
}

export interface PostmasterPlace {
  readonly folder: string;
  readonly logFile: string;
  readonly binaries: Binaries;
  readonly user: ServerUser | null;
  readonly log: Logger;
}

/** Thrown when another try may succeed: the port was taken meanwhile, or backends of a killed server are still ending. */
export class TransientStartError extends EmbeddedPostgresError {}

/** Starts the server and waits until it accepts connections. Throws with the reason from its log, in one line. */
export async function startPostmaster(place: PostmasterPlace, settings: Settings): Promise<Postmaster> {
  await cutLog(place.logFile);
  const logStart = (await stat(place.logFile).catch(() => null))?.size ?? 0;
  const logFd = openSync(place.logFile, "a", 0o600);
  // Detached: a Ctrl-C reaches the whole terminal, and it is for us to stop Postgres after everything else.
  const child = spawn(
    place.binaries.postgres,
    ["-D", place.folder, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])],
    {
      ...runAs(place.user),
      cwd: place.folder,
      detached: true,
      stdio: ["ignore", logFd, logFd],
      env: { PATH: process.env["PATH"], LC_ALL: "C" },
    },
  );
  closeSync(logFd);
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  try {
    await waitUntilReady(child, place, exited);
  } catch (error) {
    child.kill("SIGQUIT");
    throw await explainFailure(place.logFile, logStart, error as Error);
  }
  return { pid: pidOf(child), exited, stop: (deadlineMs) => stopChild(child, exited, deadlineMs) };
}

/** Stops a server that still runs on this folder. To be called only by the holder of the folder's lock. */
export async function stopOrphan(folder: string): Promise<number | null> {
  const file = join(folder, "postmaster.pid");
  const text = await readFile(file, "utf8").catch(() => null);
  if (text === null) return null;
  const pid = Number(text.split("\n")[0]);
  if (!Number.isInteger(pid) || pid <= 0) {
    await rm(file); // Cut off while it was written: that server never came to serve.
    return null;
  }
  if (!isAlive(pid)) return null; // Postgres itself sees that, and recovers.
  if (!(await servesFolder(pid, folder))) {
    // The id now belongs to another process, which Postgres could take for a server. It disregards its parent's id, so
    // that goes there; the lines below stay, from which it sees whether old backends still use the shared memory.
    // Root writes here into a folder of another user's, who must not choose by a link what is written to.
    const flag = constants.O_WRONLY | constants.O_TRUNC | constants.O_NOFOLLOW;
    await writeFile(file, text.replace(/^.*/, String(process.pid)), { flag });
    return null;
  }
  for (const [signal, waitMs] of [
    ["SIGINT", ORPHAN_STOP_MS],
    ["SIGQUIT", IMMEDIATE_STOP_MS],
    ["SIGKILL", IMMEDIATE_STOP_MS],
  ] as const) {
    process.kill(pid, signal);
    if (await becomesTrue(async () => !(await servesFolder(pid, folder)), waitMs)) return pid;
  }
  throw new EmbeddedPostgresError(`the Postgres process ${pid} still runs on ${folder} and does not end`);
}

async function waitUntilReady(
  child: ChildProcess,
  place: PostmasterPlace,
  exited: Promise<void>,
): Promise<void> {
  if (child.pid === undefined) {
    const [error] = (await once(child, "error")) as [Error];
    throw error;
  }
  let hasExited = false;
  void exited.then(() => (hasExited = true));
  const isReady = async () => hasExited || (await readStatus(place.folder, pidOf(child))) === "ready";
  if (!(await becomesTrue(isReady, SLOW_START_MS))) {
    place.log.warn("Postgres recovers from a crash, which can take a while");
  }
  if (!(await becomesTrue(isReady, START_TIMEOUT_MS))) {
    throw new Error(`not ready after ${START_TIMEOUT_MS / 1_000} s`);
  }
  if (hasExited) throw new Error(`ended with ${child.signalCode ?? `exit code ${child.exitCode}`}`);
}

/** The eighth line of postmaster.pid: starting, ready, stopping; null when it is not this process's. */
async function readStatus(folder: string, pid: number): Promise<string | null> {
  const lines = (await readFile(join(folder, "postmaster.pid"), "utf8").catch(() => "")).split("\n");
  return Number(lines[0]) === pid ? (lines[7]?.trim() ?? null) : null;
}

async function stopChild(child: ChildProcess, exited: Promise<void>, deadlineMs: number): Promise<void> {
  for (const [signal, waitMs] of [
    ["SIGINT", deadlineMs],
    ["SIGQUIT", IMMEDIATE_STOP_MS],
    ["SIGKILL", IMMEDIATE_STOP_MS],
  ] as const) {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await Promise.race([exited, sleep(waitMs, undefined, { ref: false })]);
  }
}

/** Does this process serve this folder? Its command line says so: ids are used again, and a zombie has none. */
async function servesFolder(pid: number, folder: string): Promise<boolean> {
  return `${await commandLine(pid)} `.includes(` -D ${folder} `);
}

/** The words of a process's command line; empty when there is no such process. */
export async function commandLine(pid: number): Promise<string> {
  if (process.platform === "linux") {
    const words = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    return words.replaceAll("\0", " ").trim();
  }
  const { stdout } = await run("ps", ["-o", "command=", "-p", String(pid)]).catch(() => ({ stdout: "" }));
  return stdout.trim();
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function becomesTrue(check: () => boolean | Promise<boolean>, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (!(await check())) {
    if (performance.now() > deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}

async function cutLog(file: string): Promise<void> {
  const size = (await stat(file).catch(() => null))?.size ?? 0;
  if (size > LARGEST_LOG_BYTES) await rename(file, `${file}.1`);
}

async function explainFailure(logFile: string, from: number, error: Error): Promise<Error> {
  const log = (await readFile(logFile)).subarray(from).toString("utf8");
  const isTransient = /could not bind|pre-existing shared memory block/.test(log);
  return new (isTransient ? TransientStartError : EmbeddedPostgresError)(
    `the embedded Postgres did not start: ${summarizeLog(log) ?? error.message} (more in ${logFile})`,
    { cause: error },
  );
}

/** The line of a server log that says why it ended: the last fatal one, else the last error, else the last line. */
export function summarizeLog(log: string): string | null {
  const lines = log.split("\n").filter((line) => line.trim() !== "");
  const chosen =
    lines.findLast((line) => /\b(FATAL|PANIC):/.test(line)) ??
    lines.findLast((line) => /\bERROR:/.test(line)) ??
    lines.at(-1);
  return chosen?.replace(/^.*?\b(FATAL|PANIC|ERROR|LOG):\s*/, "").trim() ?? null;
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error("the process was not started");
  return child.pid;
}
