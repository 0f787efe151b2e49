import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { askServer } from "./watch.js";

const servers: Server[] = [];
afterEach(() => servers.splice(0).forEach((server) => server.close()));

async function serve(status: number, body: unknown): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(status).end(JSON.stringify(body)));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const health = (unavailableSince: string | null) => ({
  status: "critical",
  timestamp: "2026-11-22T08:00:00.000Z",
  uptime: 60,
  metrics: {
    cpuPercent: 1,
    memoryPercent: 1,
    heapPercent: 1,
    rssBytes: 1,
    eventLoopLagMs: 1,
    database: { used: 0, waiting: 0, size: 10, percent: 0, lastAnswerAt: null, unavailableSince },
  },
  alerts: [],
});

test.each([
  ["is well", 200, health(null), "ok"],
  ["lacks a poller", 503, health(null), "ok"],
  ["lacks its database", 503, health("2026-11-22T08:00:00.000Z"), "unavailable"],
  ["stands behind a proxy that has lost it", 503, "gone", "unavailable"],
])("a server that %s is told from others", async (_name, status, body, found) => {
  expect(await askServer(await serve(status, body))).toBe(found);
});

test("a server that is gone is unreachable", async () => {
  const url = await serve(200, health(null));
  servers.splice(0).forEach((server) => server.close());
  expect(await askServer(url)).toBe("unreachable");
});
