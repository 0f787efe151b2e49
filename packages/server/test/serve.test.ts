// Roles against a database of one's own, and the commands around them.
import { createServer, type Server } from "node:net";
import { once } from "node:events";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { apiClient, createDatabase, eventually, runNightbell, startNightbell } from "./harness.js";

let target: Server;
let targetPort = 0;
beforeAll(async () => {
  target = createServer((socket) => socket.on("error", () => {})); // A probe closes by reset.
  target.listen(0, "127.0.0.1");
  await once(target, "listening");
  targetPort = (target.address() as { port: number }).port;
});
afterAll(() => target.close());

async function status(url: string, path: string): Promise<number> {
  return (await fetch(new URL(path, url))).status;
}

async function createTcpJob(url: string): Promise<string> {
  const client = apiClient(url);
  await client.register();
  const job = await client.post<{ id: string }>("/api/jobs", {
    title: "loopback",
    type: "tcp",
    target: `127.0.0.1:${targetPort}`,
    cadenceSeconds: 0.1,
  });
  expect(job.status).toBe(201);
  return job.body.id;
}

describe("nightbell serve", () => {
  test("asks for what it needs", async () => {
    expect(await runNightbell(["serve", "--roles", "poller"])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^nightbell: DATABASE_URL: is required here.*\n$/) as string,
    });
    expect(await runNightbell(["serve", "--roles", "pager"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("the roles are api, poller, scheduler, worker") as string,
    });
  });

  test("a role without the API answers health checks and metrics", async () => {
    await using database = await createDatabase();
    await using poller = await startNightbell({ command: "serve --roles poller", databaseUrl: database.url });
    expect(await status(poller.url, "/health")).toBe(200);
    await eventually(async () => expect(await status(poller.url, "/ready")).toBe(200), { withinMs: 15_000 });
    const metrics = await fetch(new URL("/metrics", poller.url));
    expect(await metrics.text()).toContain("nightbell_poller_jobs");
    expect(await poller.stop()).toBe(0);
  });

  test("roles apart measure together, and a clean stop of the poller loses no sample", async () => {
    await using database = await createDatabase();
    await using api = await startNightbell({
      command: "serve --roles api,scheduler",
      databaseUrl: database.url,
    });
    await using poller = await startNightbell({ command: "serve --roles poller", databaseUrl: database.url });
    await createTcpJob(api.url);
    const client = new Client({ connectionString: database.url });
    await client.connect();
    const stored = async () => {
      const { rows } = await client.query<{ count: number; last: number }>(
        "select count(*)::int as count, max(slot)::float8 as last from samples",
      );
      return rows[0] ?? { count: 0, last: 0 };
    };
    await eventually(async () => expect((await stored()).count).toBeGreaterThan(5), { withinMs: 15_000 });
    const stoppedAt = Date.now();
    expect(await poller.stop()).toBe(0);
    expect(stoppedAt - (await stored()).last).toBeLessThan(250); // The last slots before the signal are in the database.
    await client.end();
  });

  test("a poller beside the API has a process of its own, whose metrics the API includes", async () => {
    await using database = await createDatabase();
    await using both = await startNightbell({
      command: "serve --roles api,poller",
      databaseUrl: database.url,
    });
    await eventually(() => expect(both.output()).toContain("started the poller process"));
    await eventually(async () => {
      const metrics = await fetch(new URL("/metrics", both.url));
      expect(await metrics.text()).toContain("nightbell_poller_jobs");
    });
  });
});

describe("the command line", () => {
  test("migrates a database, once", async () => {
    await using database = await createDatabase();
    const environment = { DATABASE_URL: database.url };
    expect(await runNightbell(["migrate"], environment)).toMatchObject({
      code: 0,
      stdout: "The database is up to date.\n",
    });
  });

  test("says in one line that the database cannot be reached, without its password", async () => {
    const { code, stderr } = await runNightbell(["migrate"], {
      DATABASE_URL: "postgresql://me:secret@127.0.0.1:1/nightbell",
    });
    expect(code).toBe(1);
    expect(stderr).toBe(
      "nightbell: cannot reach the database at 127.0.0.1:1/nightbell: connect ECONNREFUSED 127.0.0.1:1\n",
    );
  });

  test("names the variable that is wrong", async () => {
    const { code, stderr } = await runNightbell(["up"], { PORT: "none", REPLICA_ID: "x" });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^nightbell: PORT: .+; REPLICA_ID: .+\n$/);
  });

  test("explains itself, and shows a stack only when asked", async () => {
    expect((await runNightbell(["version"])).stdout).toMatch(/^nightbell \d+\.\d+\.\d+ \(Node\.js/);
    const help = await runNightbell(["up", "--help"]);
    expect(help.code).toBe(0);
    expect(help.stdout).toContain("NIGHTBELL_DATA_DIR");
    expect((await runNightbell(["nonsense"])).code).toBe(2);
    const { stderr } = await runNightbell(["migrate"], { LOG_LEVEL: "debug" });
    expect(stderr).toMatch(/\n {4}at /);
  });
});
