// The built program as a benchmark runs it: a data folder of its own, an account, jobs, and its embedded database.
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { childNamed } from "./processes.mjs";

const PROGRAM = join(import.meta.dirname, "../../packages/server/bin/nightbell.mjs");
const TARGET_SERVER = join(import.meta.dirname, "../peers/target-server.mjs");
const START_TIMEOUT_MS = 60_000;
/** The most that one request imports. */
const IMPORT_BATCH = 1_000;
const IMPORTS_AT_ONCE = 2;

/** Runs with a data folder that Postgres can reach when root starts it as another user, and removes it. */
export async function withDataDir(use) {
  const folder = await mkdtemp(join(tmpdir(), "nightbell-bench-"));
  await chmod(folder, 0o711);
  try {
    return await use(join(folder, "data"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Ports of local servers that accept TCP and answer HTTP, in a process of their own. */
export async function startTargets() {
  const server = fork(TARGET_SERVER, [], { stdio: ["ignore", 2, 2, "ipc"] });
  const [ports] = await once(server, "message");
  return { ports, pid: server.pid, stop: () => server.kill() };
}

/** `nightbell up` on a data folder. */
export function startProgram(dataDir, environment = {}) {
  const program = run(["up"], { DATABASE_URL: "", NIGHTBELL_DATA_DIR: dataDir, ...environment });
  return {
    ...program,
    postgresPid: async () => Number((await postmasterFile(dataDir))[0]),
  };
}

/** One role of it on a database. */
export function startRole(role, databaseUrl, environment = {}) {
  return run(["serve", "--roles", role], { DATABASE_URL: databaseUrl, ...environment });
}

/** In a process of its own, as it is started for people. */
function run(args, environment) {
  const program = spawn(process.execPath, [PROGRAM, ...args], {
    env: { ...process.env, PORT: "0", LOG_LEVEL: "warn", ...environment },
    stdio: ["ignore", "pipe", 2],
  });
  const exited = once(program, "exit");
  let output = "";
  program.stdout.setEncoding("utf8").on("data", (text) => (output += text));
  return {
    pid: program.pid,
    url: () =>
      until("address", () => {
        if (program.exitCode !== null) throw new Error(`nightbell ended with exit code ${program.exitCode}`);
        return /http:\/\/[^\s/]+/.exec(output)?.[0];
      }),
    pollerPid: () => until("poller process", () => childNamed(program.pid, "poller-child")),
    /** Also after it has ended. */
    async stop(signal = "SIGTERM") {
      program.kill(signal);
      await exited;
    },
  };
}

/** A connection to the embedded database of a running program. */
export async function connectToDatabase(dataDir) {
  const password = (await readFile(join(dataDir, "postgres/nightbell-password"), "utf8")).trim();
  const port = Number((await postmasterFile(dataDir))[3]);
  const client = new pg.Client({
    host: "127.0.0.1",
    port,
    user: "nightbell",
    password,
    database: "nightbell",
  });
  await client.connect();
  return client;
}

async function postmasterFile(dataDir) {
  return (await readFile(join(dataDir, "postgres/postmaster.pid"), "utf8")).split("\n");
}

/** Token of a new account. */
export async function register(url) {
  const account = { email: "bench@example.com", password: "correct horse battery", name: "Bench" };
  return (await call(url, "/api/auth/register", null, account)).token;
}

export async function importJobs(url, token, jobs) {
  let from = 0;
  const importSome = async () => {
    while (from < jobs.length) {
      const some = jobs.slice(from, (from += IMPORT_BATCH));
      await call(url, "/api/jobs/import", token, { jobs: some });
    }
  };
  await Promise.all(Array.from({ length: IMPORTS_AT_ONCE }, importSome));
}

/** The value of a metric, summed over its labels; 0 when it has none yet. */
export async function metric(url, name) {
  const text = await (await fetch(new URL("/metrics", url))).text();
  const lines = text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)`, "gm"));
  return [...lines].reduce((sum, [, value]) => sum + Number(value), 0);
}

export async function call(url, path, token, body) {
  const response = await fetch(new URL(path, url), {
    method: body === undefined ? "GET" : "POST",
    headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
  return response.json();
}

/** What `look` finds, once it finds something. */
export async function until(what, look, timeoutMs = START_TIMEOUT_MS) {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    const found = await look();
    if (found !== undefined) return found;
    await sleep(50);
  }
  throw new Error(`no ${what} within ${timeoutMs / 1_000} s`);
}

/** One loopback address for each number up to four million, none of them the machine's usual one. */
export function loopbackAddress(index) {
  return `127.${1 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
}
