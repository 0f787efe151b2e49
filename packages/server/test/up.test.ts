// `nightbell up`, from the first start through every way it can end.
import { existsSync } from "node:fs";
import { chown, mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  createDatabase,
  createFolder,
  eventually,
  type RunningNightbell,
  runNightbell,
  startNightbell,
} from "./harness.js";
import { firstClosedFolder } from "../src/platform/embedded-postgres/server-user.js";
import { packageRoot } from "../src/platform/paths.js";
import { isRunning } from "./processes.js";

const NOBODY = { name: "nobody", uid: 65_534, gid: 65_534 };
/** Root can try how it is for others, if this checkout is open to them. */
const nobodyCanRead = process.getuid?.() === 0 && (await firstClosedFolder(packageRoot, NOBODY)) === null;

async function ready(url: string): Promise<number> {
  return (await fetch(new URL("/ready", url))).status;
}

function logLines(program: RunningNightbell): Record<string, unknown>[] {
  return program
    .output()
    .split("\n")
    .filter((line) => line.startsWith("{") && line.endsWith("}"))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The values of a field in the program's log lines, oldest first. */
function logged(program: RunningNightbell, field: string): number[] {
  return logLines(program)
    .map((line) => line[field])
    .filter((value) => typeof value === "number");
}

/** What it logged itself, without its poller, since it was told to stop. */
function steps(program: RunningNightbell): unknown[] {
  const messages = logLines(program).flatMap(({ role, msg }) => (role === "up" ? [String(msg)] : []));
  return messages.slice(messages.findIndex((message) => message.includes("stopping")));
}

/** The process id that the program logs under a name; its log may reach us after its address. */
function pidOf(program: RunningNightbell, field: "pollerPid" | "postgresPid"): Promise<number> {
  return eventually(() => {
    const pid = logged(program, field).at(-1);
    if (pid === undefined) throw new Error(`no ${field} in the log`);
    return pid;
  });
}

describe("nightbell up", { timeout: 60_000 }, () => {
  test("says where it is and what to do next, and goes on with its data at the second start", async () => {
    const dataDir = join(await createFolder(), "data");
    {
      await using first = await startNightbell({ dataDir });
      expect(await ready(first.url)).toBe(200);
      expect(first.output()).toMatch(
        /\n {2}Nightbell is running at \S+\n\n {2}Next .*sign up; the first account becomes the owner\n {2}Data .*\n {2}Stop .*\n\n/,
      );
      expect(first.output()).toContain("created the embedded database");
      expect(await first.stop()).toBe(0);
      expect(steps(first)).toEqual([
        "SIGTERM: stopping; what is under way has 10000 ms to end, a second signal kills",
        "poller drained",
        "Postgres stopped",
        expect.stringMatching(/^stopped in \d+ ms$/),
      ]);
    }
    await using second = await startNightbell({ dataDir });
    expect(await ready(second.url)).toBe(200);
    expect(second.output()).not.toContain("created the embedded database");
  });

  test("recovers after kill -9: the poller ends by itself, and the next start takes over from the orphaned Postgres", async () => {
    const dataDir = join(await createFolder(), "data");
    await using first = await startNightbell({ dataDir });
    const postgresPid = await pidOf(first, "postgresPid");
    const pollerPid = await pidOf(first, "pollerPid");
    await first.kill9();
    expect(isRunning(postgresPid)).toBe(true);
    await eventually(() => expect(isRunning(pollerPid)).toBe(false));
    await using second = await startNightbell({ dataDir });
    expect(isRunning(postgresPid)).toBe(false);
    expect(await ready(second.url)).toBe(200);
  });

  test("refuses a data folder that another one uses", async () => {
    await using first = await startNightbell();
    const second = await runNightbell(["up"], { NIGHTBELL_DATA_DIR: first.dataDir });
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(
      new RegExp(`^nightbell: .*is in use by Nightbell process ${first.pid}.*\n$`),
    );
    expect(await ready(first.url)).toBe(200);
  });

  test("names a port that is taken, before it touches the data", async () => {
    const taken = createServer();
    const port = await new Promise<number>((resolve) => {
      taken.listen(0, "127.0.0.1", () => resolve((taken.address() as { port: number }).port));
    });
    const dataDir = join(await createFolder(), "data");
    const { code, stderr } = await runNightbell(["up"], { PORT: String(port), NIGHTBELL_DATA_DIR: dataDir });
    taken.close();
    expect(code).toBe(1);
    expect(stderr).toBe(`nightbell: port ${port} is taken by another program; set PORT to a free one\n`);
    expect(existsSync(dataDir)).toBe(false);
  });

  test("says that it runs already when the port is its own", async () => {
    await using database = await createDatabase();
    await using first = await startNightbell({ databaseUrl: database.url });
    const dataDir = join(await createFolder(), "data");
    const { port } = new URL(first.url);
    const { code, stderr } = await runNightbell(["up"], { PORT: port, NIGHTBELL_DATA_DIR: dataDir });
    expect(code).toBe(1);
    expect(stderr).toBe(
      `nightbell: Nightbell already runs at http://127.0.0.1:${port}; open that, or set PORT to a free port\n`,
    );
  });

  test.runIf(process.platform === "linux")("refuses a data folder where nothing can be created", async () => {
    const { code, stderr } = await runNightbell(["up"], { NIGHTBELL_DATA_DIR: "/proc/nightbell/data" });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^nightbell: the data folder \S+ cannot be created: .*set NIGHTBELL_DATA_DIR.*\n$/,
    );
  });

  test("says in one line why Postgres does not start", async () => {
    const dataDir = join(await createFolder(), "data");
    await (await startNightbell({ dataDir })).stop();
    const control = join(dataDir, "postgres/global/pg_control");
    await writeFile(control, Buffer.alloc((await readFile(control)).length, 7));
    const { code, stderr } = await runNightbell(["up"], { NIGHTBELL_DATA_DIR: dataDir, LOG_LEVEL: "warn" });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^nightbell: the embedded Postgres did not start: .+\n$/);
  });

  test("one Ctrl-C, which npm delivers twice, drains and stops Postgres cleanly", async () => {
    await using program = await startNightbell();
    program.signal("SIGINT");
    program.signal("SIGINT");
    expect(await program.exited).toBe(0);
    const log = await readFile(join(program.dataDir, "postgres.log"), "utf8");
    expect(log.trimEnd().split("\n").at(-1)).toContain("database system is shut down");
  });

  test("a second Ctrl-C ends what does not drain", async () => {
    await using database = await createDatabase();
    await using program = await startNightbell({ databaseUrl: database.url });
    const pollerPid = await pidOf(program, "pollerPid");
    process.kill(pollerPid, "SIGSTOP");
    program.signal("SIGINT");
    await eventually(async () => expect(await ready(program.url)).toBe(503));
    await eventually(
      () => {
        program.signal("SIGINT");
        expect(isRunning(program.pid)).toBe(false);
      },
      { everyMs: 200 },
    );
    expect(await program.exited).toBe(130);
    await eventually(() => expect(isRunning(pollerPid)).toBe(false));
  });

  test("gives up on what does not drain within the deadline", async () => {
    await using database = await createDatabase();
    await using program = await startNightbell({
      databaseUrl: database.url,
      env: { DRAIN_TIMEOUT_MS: "1500" },
    });
    process.kill(await pidOf(program, "pollerPid"), "SIGSTOP");
    const signalledAt = performance.now();
    expect(await program.stop()).toBe(0);
    expect(performance.now() - signalledAt).toBeLessThan(2_500);
  });

  test("starts its poller and its Postgres again when they are killed", async () => {
    await using program = await startNightbell();
    const pollerPid = await pidOf(program, "pollerPid");
    process.kill(pollerPid, "SIGKILL");
    await eventually(() => expect(logged(program, "pollerPid")).toHaveLength(2));

    const postgresPid = await pidOf(program, "postgresPid");
    await eventually(
      async () => {
        const metrics = await fetch(new URL("/metrics", program.url));
        expect(await metrics.text()).toContain("nightbell_poller_up 1");
      },
      { withinMs: 20_000 },
    );
    const linesBefore = logLines(program).length;
    process.kill(postgresPid, "SIGKILL");
    await eventually(() => expect(program.output()).toContain("Postgres runs again"), { withinMs: 10_000 });
    await eventually(async () => {
      const health = await fetch(new URL("/api/health?mode=readiness", program.url));
      expect(health.status).toBe(200);
    });
    // One event: that it ended, and what the poller and the scheduler do meanwhile, each said once.
    const messages = logLines(program)
      .slice(linesBefore)
      .map(({ role, msg }) => `${String(role)}: ${String(msg)}`);
    expect(messages.filter((message, index) => messages.indexOf(message) !== index)).toEqual([]);
  });

  test("stops when it is told to while it starts", async () => {
    const dataDir = join(await createFolder(), "data");
    const ended = runNightbell(["up"], { NIGHTBELL_DATA_DIR: dataDir }, (program) => {
      program.stderr?.once("data", () => program.kill("SIGTERM")); // The database has just been created.
    });
    expect(await ended).toMatchObject({ code: 0, stdout: "" });
  });

  test("uses a Postgres of yours when there is one", async () => {
    await using database = await createDatabase();
    await using program = await startNightbell({ databaseUrl: database.url });
    expect(await ready(program.url)).toBe(200);
    expect(existsSync(join(program.dataDir, "postgres"))).toBe(false);
  });

  test("warns that it measures only its share when there should be other pollers", async () => {
    await using database = await createDatabase();
    await using program = await startNightbell({
      databaseUrl: database.url,
      env: { REPLICA_COUNT: "2", REPLICA_ID: "1", LOG_LEVEL: "warn" },
    });
    await eventually(() => expect(program.output()).toContain("measures only its share of the jobs"));
    expect(logged(program, "REPLICA_ID")).toEqual([1]);
  });

  test.runIf(nobodyCanRead)("needs no root", async () => {
    const home = join(await createFolder(), "home");
    await mkdir(home, { mode: 0o700 });
    await chown(home, NOBODY.uid, NOBODY.gid);
    await using program = await startNightbell({
      user: NOBODY,
      dataDir: join(home, "data"),
      env: { HOME: home },
    });
    expect(await ready(program.url)).toBe(200);
  });
});
