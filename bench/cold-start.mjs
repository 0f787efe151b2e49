// From starting the built program on fresh data to the first sample of a job that is created over the API as soon as it
// answers. Also runs by itself: `node bench/cold-start.mjs`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";

const BUDGET_MS = 8_000;
const TIMEOUT_MS = 60_000;
const POLL_MS = 10;

export async function run({ quick = false } = {}) {
  const runs = [];
  for (let count = 0; count < (quick ? 1 : 3); count++) runs.push(await measure());
  const slowest = runs.toSorted((a, b) => a.firstSampleMs - b.firstSampleMs).at(-1);
  const { initdbMs, postgresMs, migrateMs, listenMs, firstSampleMs } = slowest;
  return [
    {
      name: "cold start to first sample, fresh data",
      value: firstSampleMs / 1_000,
      unit: "s",
      budget: `< ${BUDGET_MS / 1_000} s`,
      ok: firstSampleMs < BUDGET_MS,
      note: `slowest of ${runs.length}; initdb ${initdbMs} ms, Postgres ${postgresMs} ms, migrations ${migrateMs} ms, listening after ${listenMs} ms, sample ${firstSampleMs - listenMs} ms later`,
    },
  ];
}

async function measure() {
  const folder = await mkdtemp(join(tmpdir(), "nightbell-bench-"));
  await chmod(folder, 0o711); // Root starts Postgres as another user.
  const target = createServer((socket) => socket.on("error", () => {})); // A probe closes by reset.
  target.listen(0, "127.0.0.1");
  await once(target, "listening");
  const startedAt = performance.now();
  const program = spawn(
    process.execPath,
    [join(import.meta.dirname, "../packages/server/bin/nightbell.mjs"), "up"],
    {
      env: {
        ...process.env,
        PORT: "0",
        LOG_LEVEL: "info",
        DATABASE_URL: "",
        NIGHTBELL_DATA_DIR: join(folder, "data"),
      },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const exited = once(program, "exit");
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"]) {
    program[name].setEncoding("utf8").on("data", (chunk) => (output[name] += chunk));
  }
  try {
    const until = async (what, look) => {
      while (performance.now() - startedAt < TIMEOUT_MS) {
        const found = await look();
        if (found !== undefined) return found;
        if (program.exitCode !== null) break;
        await sleep(POLL_MS);
      }
      throw new Error(`no ${what}:\n${output.stdout}${output.stderr}`);
    };
    const url = await until("address", () => /http:\/\/\S+/.exec(output.stdout)?.[0]);
    const listenMs = performance.now() - startedAt;
    await firstSample(url, target.address().port, until);
    const firstSampleMs = performance.now() - startedAt;
    const logged = (message) =>
      output.stderr
        .split("\n")
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line))
        .find((line) => line.msg === message)?.durationMs;
    return {
      initdbMs: logged("created the embedded database"),
      postgresMs: logged("started Postgres"),
      migrateMs: logged("migrated"),
      listenMs: Math.round(listenMs),
      firstSampleMs: Math.round(firstSampleMs),
    };
  } finally {
    program.kill("SIGTERM");
    await exited;
    target.close();
    await rm(folder, { recursive: true });
  }
}

async function firstSample(url, port, until) {
  const call = async (path, token, body) => {
    const response = await fetch(new URL(path, url), {
      method: body === undefined ? "GET" : "POST",
      headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return response.json();
  };
  const account = { email: "bench@example.com", password: "correct horse battery", name: "Bench" };
  const { token } = await call("/api/auth/register", null, account);
  const job = await call("/api/jobs", token, {
    title: "first",
    type: "tcp",
    target: `127.0.0.1:${port}`,
    cadenceSeconds: 0.1,
  });
  await until("sample", async () => (await call(`/api/jobs/${job.id}/samples?limit=1`, token)).data[0]);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) console.table(await run());
