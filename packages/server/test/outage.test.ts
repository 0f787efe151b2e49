// Parts that stand still instead of ending: nothing refuses, nothing breaks, and somebody still has to notice.
import type { Health, Problem } from "@nightbell/contract";
import { describe, expect, test } from "vitest";
import { apiClient, createDatabase, eventually, type RunningNightbell, startNightbell } from "./harness.js";
import { startProxy } from "./proxy.js";

const get = (program: RunningNightbell, path: string) => fetch(new URL(path, program.url));

describe("while the database stands still", { timeout: 60_000 }, () => {
  test("the API answers 503 within seconds, and goes on when the database does", async () => {
    await using database = await createDatabase();
    await using proxy = await startProxy(database.url);
    await using api = await startNightbell({ command: "serve --roles api", databaseUrl: proxy.url });
    const client = apiClient(api.url);
    await client.register();
    expect((await client.get("/api/jobs")).status).toBe(200);

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

    await proxy.mend();
    await eventually(async () => expect((await client.get("/api/jobs")).status).toBe(200), {
      withinMs: 15_000,
    });
    await eventually(async () => expect((await get(api, "/ready")).status).toBe(200), { withinMs: 15_000 });
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

test("a poller that stands still is noticed, and so is that it goes on", { timeout: 60_000 }, async () => {
  await using database = await createDatabase();
  await using program = await startNightbell({ databaseUrl: database.url });
  const up = async () =>
    /^nightbell_poller_up (\d)$/m.exec(await (await get(program, "/metrics")).text())?.[1];
  const pollerAlert = async () => {
    const health = (await (await get(program, "/api/health")).json()) as Health;
    return health.alerts.find(({ metric }) => metric === "poller");
  };
  await eventually(async () => expect(await up()).toBe("1"), { withinMs: 20_000 });
  const pollerPid = Number(/"pollerPid":(\d+)/.exec(program.output())?.[1]);

  process.kill(pollerPid, "SIGSTOP");
  try {
    await eventually(async () => expect((await pollerAlert())?.level).toBe("critical"), { withinMs: 15_000 });
    expect((await pollerAlert())?.message).toMatch(
      new RegExp(`^the poller process ${pollerPid} has not answered since \\d{4}-.*Z: `),
    );
    expect((await get(program, "/ready")).status).toBe(503);
    expect(await up()).toBe("0");
    await eventually(() => expect(program.output()).toContain("the poller process does not answer"));
  } finally {
    process.kill(pollerPid, "SIGCONT");
  }
  await eventually(async () => expect((await get(program, "/ready")).status).toBe(200), { withinMs: 20_000 });
  expect(await pollerAlert()).toBeUndefined();
  expect(await up()).toBe("1");
  await eventually(() => expect(program.output()).toContain("the poller process answers again"));
});
