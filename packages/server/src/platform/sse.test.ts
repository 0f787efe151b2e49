import { connect, type AddressInfo, type Socket } from "node:net";
import { once } from "node:events";
import Fastify from "fastify";
import { Registry } from "prom-client";
import { afterEach, expect, test, vi } from "vitest";
import { eventually } from "../../test/harness.js";
import { openSse } from "../../test/sse-client.js";
import { createLogger } from "./log.js";
import { type SseClient, sseFrame, SseServer } from "./sse.js";

const log = createLogger("silent", "test");

interface Served extends AsyncDisposable {
  sse: SseServer;
  url: string;
  port: number;
  /** Streams in the order in which they were opened. */
  clients: SseClient[];
  metric(): Promise<string>;
}

/** A server of at most ten streams; the bearer token is the account. */
async function serve(isAllowed: (token: string) => Promise<boolean> = async () => true): Promise<Served> {
  const registry = new Registry();
  const sse = new SseServer({ maxConnections: 10, log, registry });
  const clients: SseClient[] = [];
  const app = Fastify();
  app.get("/", async (request, reply) => {
    void reply.header("x-request-id", "1");
    const accountId = request.headers.authorization ?? "";
    clients.push(sse.open(request, reply, { accountId, isAllowed: () => isAllowed(accountId) }));
    return reply;
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return {
    sse,
    clients,
    port,
    url: `http://127.0.0.1:${port}/`,
    metric: () => registry.metrics(),
    async [Symbol.asyncDispose]() {
      sse.close();
      await app.close();
    },
  };
}

afterEach(() => {
  vi.useRealTimers();
});

test("drops a client that does not read, and nobody else", async () => {
  await using served = await serve();
  const sleeper = await openRaw(served.port);
  sleeper.pause();
  await using reader = await openSse<number>(served.url);
  await eventually(() => expect(served.clients).toHaveLength(2));
  const frame = sseFrame("1", JSON.stringify("x".repeat(60_000)));
  let sent = 0;
  await eventually(
    () => {
      for (const client of served.clients) client.send(frame);
      sent += 1;
      expect(served.clients[0]?.isOpen).toBe(false);
    },
    { everyMs: 5 },
  );
  await eventually(() => expect(reader.events).toHaveLength(sent));
  expect(served.sse.connectionCount).toBe(1);
  expect(await served.metric()).toContain("nightbell_stream_connections 1");
});

test("waits for a slow client while it catches up", async () => {
  await using served = await serve();
  const sleeper = await openRaw(served.port);
  sleeper.pause();
  const [client] = served.clients;
  const frame = sseFrame("1", JSON.stringify("x".repeat(1_000_000)));
  let sent = 0;
  const catchingUp = (async () => {
    for (; sent < 30; sent += 1) await client?.sendAndDrain(frame);
  })();
  await eventually(() => expect(sent).toBeGreaterThan(0));
  sleeper.resume();
  await catchingUp;
  expect(client?.isOpen).toBe(true);
  expect(sent).toBe(30);
});

test("beats, passes the headers of the request on, and says when to come back", async () => {
  vi.useFakeTimers({ toFake: ["setInterval"] });
  await using served = await serve();
  const socket = await openRaw(served.port);
  let received = "";
  socket.on("data", (chunk) => (received += String(chunk)));
  await eventually(() =>
    expect(received).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*x-request-id: 1\r\n[^]*\r\n\r\nretry: \d{4}\n\n/),
  );
  vi.advanceTimersByTime(30_000);
  await eventually(() => expect(received.match(/\n:\n\n/g) ?? []).not.toHaveLength(0));
});

test("ends a stream after its session has ended, and keeps it while that cannot be asked", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "performance"] });
  let state: "all valid" | "no database" | "one ended" = "all valid";
  await using served = await serve(async (token) => {
    if (state === "no database") throw new Error(state);
    return state === "all valid" || !token.includes("ends");
  });
  await using stays = await openSse(served.url, { token: "stays" });
  await using ends = await openSse(served.url, { token: "ends" });
  await vi.advanceTimersByTimeAsync(70_000);
  state = "no database";
  await vi.advanceTimersByTimeAsync(70_000);
  expect([stays.isOpen, ends.isOpen]).toEqual([true, true]);
  state = "one ended";
  await vi.advanceTimersByTimeAsync(70_000);
  vi.useRealTimers();
  await eventually(() => expect([stays.isOpen, ends.isOpen]).toEqual([true, false]));
});

test("gives an account all the room there is, and the next ones their share of it", async () => {
  await using served = await serve();
  const open = (token: string) => openSse(served.url, { token });
  const streamsOf = async (token: string, count: number) =>
    Promise.all(Array.from({ length: count }, () => open(token)));
  const greedy = await streamsOf("greedy", 10);
  expect(greedy.map(({ status }) => status)).toEqual(Array(10).fill(200));
  expect((await open("greedy")).status).toBe(503);

  const modest = await streamsOf("modest", 5);
  expect(modest.map(({ status }) => status)).toEqual(Array(5).fill(200));
  // Both have half now: neither takes from the other.
  for (const token of ["modest", "greedy"]) expect((await open(token)).status).toBe(503);
  await eventually(() => expect(greedy.filter(({ isOpen }) => isOpen)).toHaveLength(5));
  expect(modest.every(({ isOpen }) => isOpen)).toBe(true);
  expect(served.sse.connectionCount).toBe(10);
  expect(await served.metric()).toContain("nightbell_stream_connections 10");

  for (const stream of [...greedy, ...modest]) stream.close();
  await eventually(() => expect(served.sse.connectionCount).toBe(0));
  expect((await open("greedy")).status).toBe(200);
});

test("is not held up by a client that is gone before its stream begins", async () => {
  await using served = await serve();
  for (const _ of Array(5).keys()) (await openRaw(served.port)).destroy();
  await eventually(() => expect(served.sse.connectionCount).toBe(0));
});

async function openRaw(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.on("error", () => undefined);
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await once(socket, "readable");
  return socket;
}
