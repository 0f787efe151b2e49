// Parts that stand still instead of ending: nothing refuses, nothing breaks, and somebody still has to notice.
import type { Health, Problem } from "@nightbell/contract";
import { describe, expect, test } from "vitest";
import { apiClient, createDatabase, eventually, type RunningNightbell, startNightbell } from "./harness.js";
import { startProxy } from "./proxy.js";

const get = (program: RunningNightbell, path: string) => fetch(new URL(path, program.url));
const healthOf = async (program: RunningNightbell) => {
  const answer = await get(program, "/api/health");
  expect(answer.status).toBe(200);
  return (await answer.json()) as Health;
};

const pollerUp = async (program: RunningNightbell) =>
  /^nightbell_poller_up (\d)$/m.exec(await (await get(program, "/metrics")).text())?.[1];

/** Warnings, errors and what is over again, in the order of the log; requests that had to wait are no news here. */
function troublesOf(program: RunningNightbell): string[] {
  return program
    .output()
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as { level: number; msg: string })
    .filter(({ msg }) => !msg.endsWith("slow request"))
    .filter(({ level, msg }) => level >= 40 || /\b(again|go on)\b/.test(msg))
    .map(({ level, msg }) => `${level >= 50 ? "error" : level >= 40 ? "warn" : "info"}: ${msg}`);
}

describe("while the database stands still", { timeout: 60_000 }, () => {
  test("the API answers 503 within seconds, and goes on when the database does", async () => {
    await using database = await createDatabase();
    await using proxy = await startProxy(database.url);
    await using api = await startNightbell({ command: "serve --roles api", databaseUrl: proxy.url });
    const client = apiClient(api.url);
    await client.register();
    expect((await client.get("/api/jobs")).status).toBe(200);
    const before = await healthOf(api);
    expect(before.alerts.filter(({ metric }) => metric === "database")).toEqual([]);
    expect(before.metrics.database.unavailableSince).toBeNull();

    proxy.freeze();
    const startedAt = performance.now();
    const answers = await Promise.all(Array.from({ length: 5 }, () => client.get<Problem>("/api/jobs")));
    expect(performance.now() - startedAt).toBeLessThan(9_000);
    for (const { status, headers, body } of answers) {
      expect(status).toBe(503);
      expect(body.code).toBe("database_unavailable");
      expect(headers.get("content-type")).toContain("application/problem+json");
      expect(headers.get("retry-after")).toBe("1");
    }
    expect((await get(api, "/ready")).status).toBe(503);
    expect((await get(api, "/health")).status).toBe(200);
    const askedAt = performance.now();
    const { status, metrics, alerts } = await healthOf(api);
    expect(performance.now() - askedAt).toBeLessThan(500); // It takes a millisecond, and never waits for the database.
    expect(status).toBe("critical");
    expect(Date.parse(metrics.database.lastAnswerAt ?? "")).toBeLessThanOrEqual(
      Date.parse(metrics.database.unavailableSince ?? ""),
    );
    expect(alerts.find(({ metric }) => metric === "database")).toMatchObject({
      level: "critical",
      message: expect.stringContaining(`since ${metrics.database.unavailableSince}: `) as string,
    });

    await proxy.mend();
    await eventually(async () => expect((await client.get("/api/jobs")).status).toBe(200), {
      withinMs: 15_000,
    });
    await eventually(async () => expect((await get(api, "/ready")).status).toBe(200), { withinMs: 15_000 });
    expect((await healthOf(api)).metrics.database.unavailableSince).toBeNull();
    expect(troublesOf(api)).toEqual([
      "warn: the database does not answer",
      "info: the database answers again",
    ]);
  });

  test("an API that nobody asks notices by itself", async () => {
    await using database = await createDatabase();
    await using proxy = await startProxy(database.url);
    await using api = await startNightbell({ command: "serve --roles api", databaseUrl: proxy.url });
    await proxy.cut();
    await eventually(() => expect(api.output()).toContain("the database does not answer"), {
      withinMs: 10_000,
    });
    expect((await healthOf(api)).status).toBe("critical");
  });

  test.for(["scheduler", "worker"])("a %s alone tells it once, and once that it is over", async (role) => {
    await using database = await createDatabase();
    await using proxy = await startProxy(database.url);
    await using program = await startNightbell({ command: `serve --roles ${role}`, databaseUrl: proxy.url });
    await eventually(async () => expect((await get(program, "/ready")).status).toBe(200), {
      withinMs: 20_000,
    });
    await proxy.cut();
    await eventually(() => expect(program.output()).toContain("the database does not answer"), {
      withinMs: 10_000,
    });
    await proxy.mend();
    await eventually(() => expect(program.output()).toContain("the database answers again"), {
      withinMs: 10_000,
    });
    expect(troublesOf(program)).toEqual([
      "warn: the database does not answer",
      "info: the database answers again",
    ]);
  });

  test("a poller stays ready: it measures on", async () => {
    await using database = await createDatabase();
    await using proxy = await startProxy(database.url);
    await using poller = await startNightbell({ command: "serve --roles poller", databaseUrl: proxy.url });
    await eventually(async () => expect((await get(poller, "/ready")).status).toBe(200), {
      withinMs: 20_000,
    });
    await proxy.cut();
    await eventually(() => expect(poller.output()).toContain("jobs cannot be read"));
    expect((await get(poller, "/ready")).status).toBe(200);
    await proxy.mend();
    await eventually(() => expect(poller.output()).toContain("jobs can be read again"), { withinMs: 10_000 });
  });
});

test(
  "a Postgres that is killed is told once by each process, and once that it is back",
  { timeout: 60_000 },
  async () => {
    await using program = await startNightbell();
    await eventually(async () => expect(await pollerUp(program)).toBe("1"), { withinMs: 20_000 });
    process.kill(Number(/"postgresPid":(\d+)/.exec(program.output())?.[1]), "SIGKILL");
    await eventually(() => expect(program.output()).toContain('"Postgres runs again"'), { withinMs: 20_000 });
    await eventually(
      () => {
        const troubles = troublesOf(program);
        const lost = troubles.filter((line) => !line.startsWith("info"));
        expect(troubles).toHaveLength(2 * lost.length);
      },
      { withinMs: 30_000 },
    );
    // Who asked nothing in that second has nothing to tell.
    expect([
      "error: Postgres ended by itself and is started again",
      "warn: the database does not answer",
      "warn: jobs cannot be read; they are measured on as they are",
    ]).toEqual(expect.arrayContaining(troublesOf(program).filter((line) => !line.startsWith("info"))));
  },
);

test("a poller that stands still is noticed, and so is that it goes on", { timeout: 60_000 }, async () => {
  await using database = await createDatabase();
  await using program = await startNightbell({ databaseUrl: database.url });
  const pollerAlert = async () => {
    const health = (await (await get(program, "/api/health")).json()) as Health;
    return health.alerts.find(({ metric }) => metric === "poller");
  };
  await eventually(async () => expect(await pollerUp(program)).toBe("1"), { withinMs: 20_000 });
  const pollerPid = Number(/"pollerPid":(\d+)/.exec(program.output())?.[1]);

  process.kill(pollerPid, "SIGSTOP");
  try {
    await eventually(async () => expect((await pollerAlert())?.level).toBe("critical"), { withinMs: 15_000 });
    expect((await pollerAlert())?.message).toMatch(
      new RegExp(`^the poller process ${pollerPid} has not answered since \\d{4}-.*Z: `),
    );
    expect((await get(program, "/ready")).status).toBe(503);
    expect(await pollerUp(program)).toBe("0");
    await eventually(() => expect(program.output()).toContain("the poller process does not answer"));
  } finally {
    process.kill(pollerPid, "SIGCONT");
  }
  await eventually(async () => expect((await get(program, "/ready")).status).toBe(200), { withinMs: 20_000 });
  expect(await pollerAlert()).toBeUndefined();
  expect(await pollerUp(program)).toBe("1");
  await eventually(() => expect(program.output()).toContain("the poller process answers again"));
});
