// POST /api/probes/test: what it answers, and how it is kept from being a weapon.
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import type { Problem, ProbeResult } from "@nightbell/contract";
import { expect, it } from "vitest";
import { createOneShotProber } from "../src/features/probing/index.js";
import { createLogger } from "../src/platform/log.js";
import { apiWorld } from "./api-world.js";
import { HandClock } from "./hand-clock.js";
import { type ApiClient, eventually } from "./harness.js";

const body = { type: "tcp", target: "127.0.0.1:9" };

it("measures a real target, and a target that is down is an answer", async () => {
  const prober = createOneShotProber({
    latencyApiUrl: "http://127.0.0.1:9",
    log: createLogger("warn", "test"),
  });
  await using world = await apiWorld({ probe: prober.probe });
  const client = await world.owner();
  const server = createServer((socket) => socket.on("error", () => {})).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const target = `127.0.0.1:${port}`;

  const up = await client.post<ProbeResult>("/api/probes/test", { ...body, target });
  expect(up).toMatchObject({
    status: 200,
    body: { status: "success", errorCode: null, address: "127.0.0.1" },
  });
  expect(up.body.rttMs).toBeGreaterThan(0);
  expect(up.body.rttMs).toBeLessThan(1_000);
  server.close();
  await once(server, "close");
  const down = await client.post<ProbeResult>("/api/probes/test", { ...body, target });
  expect(down).toMatchObject({
    status: 200,
    body: { status: "missed", errorCode: "connection_refused", rttMs: null },
  });
  await prober.close();
});

it("refuses what no job could be made from", async () => {
  await using world = await apiWorld();
  const client = await world.owner();
  const answer = await client.post<Problem>("/api/probes/test", {
    ...body,
    target: "; rm",
    options: { retries: 1 },
  });
  expect(answer.status).toBe(400);
  expect(answer.body.errors?.map((error) => error.path)).toEqual(["target", "options.retries"]);
});

it("runs so many at once and no more, of one account fewer, thirty a minute, and none for a client that left", async () => {
  const clock = new HandClock();
  const waiting: AbortSignal[] = [];
  const release = new AbortController();
  await using world = await apiWorld({
    clock,
    probe: async (_type, _target, _options, signal) => {
      waiting.push(signal);
      const ended = AbortSignal.any([release.signal, signal]);
      if (!ended.aborted) await once(ended, "abort");
      return { status: "success", rttUs: 1_500, errorCode: null, error: null, phases: null, address: null };
    },
  });
  const client = await world.owner();
  const test = () => client.post<ProbeResult>("/api/probes/test", body);

  const gone = new AbortController();
  const abandoned = fetch(new URL("/api/probes/test", world.url), {
    method: "POST",
    signal: gone.signal,
    headers: { authorization: `Bearer ${client.token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  await eventually(() => expect(waiting).toHaveLength(1));
  gone.abort();
  await expect(abandoned).rejects.toThrow("aborted");
  await eventually(() => expect(waiting[0]?.aborted).toBe(true));

  const others = await Promise.all(Array.from({ length: 5 }, () => world.owner()));
  const testAs = (someone: ApiClient) => someone.post<ProbeResult>("/api/probes/test", body);
  const under = Array.from({ length: 4 }, test);
  await eventually(() => expect(waiting).toHaveLength(5));
  expect(await test()).toMatchObject({
    status: 429,
    body: { code: "rate_limited", detail: "You may test 4 probes at once; wait until one ends." },
  });
  for (const other of others.slice(1)) under.push(...Array.from({ length: 4 }, () => testAs(other)));
  await eventually(() => expect(waiting).toHaveLength(21));
  const [latecomer] = others as [ApiClient];
  const refused = await testAs(latecomer);
  expect(refused).toMatchObject({ status: 429, body: { code: "rate_limited" } });
  expect(refused.headers.get("retry-after")).toBe("5");
  release.abort();
  expect((await Promise.all(under)).map((answer) => answer.body.rttMs)).toEqual(Array(20).fill(1.5));

  const statuses: number[] = [];
  while (statuses.at(-1) !== 429) statuses.push((await test()).status);
  expect(statuses).toHaveLength(26); // 5 of the minute's 30 were used.
  expect((await testAs(latecomer)).status).toBe(200);
  clock.advance(60_000);
  expect((await test()).status).toBe(200);
});
