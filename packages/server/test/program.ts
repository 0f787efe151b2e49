// Starts the built program (npm test builds it first) as a user would, and ends it in all the ways it can end.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, inject } from "vitest";
import { stopOrphan } from "../src/platform/embedded-postgres/postmaster.js";
import { packageRoot } from "../src/platform/paths.js";
import { eventually } from "./eventually.js";
import { createFolder, forgetServer, PROGRAM, recordServer } from "./run-folder.js";

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;

export interface NightbellOptions {
  /** Arguments of the program; the default is `up`. */
  readonly command?: string;
  readonly env?: Record<string, string>;
  /** A database to use; without one `up` starts its own embedded Postgres, which takes a second. */
  readonly databaseUrl?: string;
  /** A fresh one by default. */
  readonly dataDir?: string;
  /** The network namespace to run in, which only root can ask for. */
  readonly namespace?: string;
  /** Another user to run as, which only root can ask for. */
  readonly user?: { uid: number; gid: number };
}

export interface RunningNightbell extends AsyncDisposable {
  /** Base address of the API, or of the health server of a role without the API. */
  readonly url: string;
  readonly pid: number;
  readonly dataDir: string;
  /** Everything written so far, to stdout and stderr. */
  output(): string;
  /** SIGTERM, then waits; the exit code, or the signal that ended it. */
  stop(): Promise<number | string>;
  /** Ends this one process at once; its embedded Postgres lives on, as after a crash. */
  kill9(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** The exit code, or the signal that ended it, once it and its child processes have ended. */
  readonly exited: Promise<number | string>;
}

/** Starts the built program and waits until it prints its address. Throws with its output when it ends before. */
export async function startNightbell(options: NightbellOptions = {}): Promise<RunningNightbell> {
  const { folder } = inject("testRun");
  const dataDir = options.dataDir ?? join(await createFolder(), "data");
  const child = spawnNightbell(
    (options.command ?? "up").split(" "),
    { NIGHTBELL_DATA_DIR: dataDir, DATABASE_URL: options.databaseUrl ?? "", ...options.env },
    options,
  );
  const { process: program, exited, output, stdout } = child;
  const { pid } = program;
  if (pid === undefined) {
    await exited; // Rejects with the reason.
    throw new Error("the program could not be run");
  }
  recordServer(folder, pid, { startedBy: expect.getState().testPath ?? "a test", dataDir });
  void exited.then(() => forgetServer(folder, pid));

  const dispose = async () => {
    if (program.exitCode === null && program.signalCode === null) {
      program.kill("SIGTERM");
      await Promise.race([exited, sleep(STOP_TIMEOUT_MS, undefined, { ref: false })]);
      program.kill("SIGKILL");
    }
    await exited;
    await stopOrphan(join(dataDir, "postgres"));
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true, maxRetries: 3 });
  };
  let url: string;
  try {
    url = await eventually(
      () => {
        const found = /https?:\/\/[\w.:[\]-]+:\d+/.exec(stdout())?.[0];
        if (found === undefined && program.exitCode !== null) throw new Ended();
        if (found === undefined) throw new Error("no address yet");
        return found;
      },
      { withinMs: START_TIMEOUT_MS, unless: (error) => error instanceof Ended },
    );
  } catch (error) {
    await dispose();
    throw new Error(`nightbell did not start:\n${output()}`, { cause: error });
  }
  return {
    url,
    pid,
    dataDir,
    output,
    exited,
    signal: (signal) => void program.kill(signal),
    async stop() {
      program.kill("SIGTERM");
      return exited;
    },
    async kill9() {
      program.kill("SIGKILL");
      await once(program, "exit");
    },
    [Symbol.asyncDispose]: dispose,
  };
}

class Ended extends Error {}

/** Runs a command of the built program to its end. */
export async function runNightbell(
  args: string[],
  env: Record<string, string> = {},
  /** What else happens to it while it runs. */
  meanwhile: (program: ChildProcess) => void = () => {},
): Promise<{ code: number | string; stdout: string; stderr: string }> {
  const { process: program, exited, stdout, stderr } = spawnNightbell(args, env);
  meanwhile(program);
  return { code: await exited, stdout: stdout(), stderr: stderr() };
}

function spawnNightbell(
  args: string[],
  env: Record<string, string>,
  { user, namespace }: Pick<NightbellOptions, "user" | "namespace"> = {},
) {
  // `ip` replaces itself by the program, so the process is the same.
  const wrapper = namespace === undefined ? [] : ["ip", "netns", "exec", namespace];
  const [command = "", ...rest] = [...wrapper, process.execPath, PROGRAM, ...args];
  const program: ChildProcess = spawn(command, rest, {
    ...user,
    cwd: packageRoot,
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], PORT: "0", LOG_LEVEL: "info", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const chunks = { all: "", stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    program[stream]?.setEncoding("utf8").on("data", (chunk: string) => {
      chunks[stream] += chunk;
      chunks.all += chunk;
    });
  }
  const exited = new Promise<number | string>((resolve, reject) => {
    program.once("error", reject);
    program.once("close", (code, signal) => resolve(code ?? signal ?? "unknown"));
  });
  return {
    process: program,
    exited,
    output: () => chunks.all,
    stdout: () => chunks.stdout,
    stderr: () => chunks.stderr,
  };
}
