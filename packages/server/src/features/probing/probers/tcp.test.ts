import { connect, createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cancellationMs, overrunMs, PROMPT_MS } from "../../../../test/promptness.js";
import { silentPort } from "../../../../test/backlog.js";
import { transports } from "../../../../test/transports.js";
import { createTcpProber } from "./tcp.js";

const options = { timeoutMs: 1_000, family: "auto" as const };
const request = (target: string, timeoutMs = 1_000) => ({
  target,
  options: { ...options, timeoutMs },
  slot: 0,
  seed: "",
});

describe.each(await transports())("tcp through %s", (_, engine) => {
  const prober = createTcpProber(undefined, engine);
  let server: Server;
  let port: number;
  const accepted = new Set<Socket>();

  beforeAll(async () => {
    server = createServer((socket) => {
      accepted.add(socket);
      socket.on("error", () => undefined).on("close", () => accepted.delete(socket));
    });
    server.listen(0);
    await once(server, "listening");
    port = (server.address() as { port: number }).port;
  });
  afterAll(() => server.close());

  it("measures the connect by the kernel's clock and closes at once", async () => {
    const outcome = await prober.probe(request(`127.0.0.1:${port}`), new AbortController().signal);
    expect(outcome).toMatchObject({ status: "success", errorCode: null, error: null, address: "127.0.0.1" });
    expect(outcome.rttUs).toBeGreaterThan(0);
    expect(outcome.phases).toEqual({ connect: (outcome.rttUs ?? 0) / 1_000 });
    await expect.poll(() => accepted.size).toBe(0);
  });

  it.runIf(process.platform === "linux")("is not smeared by a busy event loop", async () => {
    const probe = prober.probe(request(`127.0.0.1:${port}`), new AbortController().signal);
    await new Promise(setImmediate);
    const until = performance.now() + 50;
    while (performance.now() < until);
    expect((await probe).rttUs).toBeLessThan(20_000);
  });

  it("reaches IPv6 and localhost", async () => {
    const signal = new AbortController().signal;
    expect(await prober.probe(request(`[::1]:${port}`), signal)).toMatchObject({
      status: "success",
      address: "::1",
    });
    expect(await prober.probe(request(`localhost:${port}`), signal)).toMatchObject({
      status: "success",
      phases: { dns: expect.any(Number) },
    });
  });

  it("says who refused", async () => {
    const closed = createServer().listen(0, "127.0.0.1");
    await once(closed, "listening");
    const { port: free } = closed.address() as { port: number };
    closed.close();
    await once(closed, "close");
    expect(await prober.probe(request(`127.0.0.1:${free}`), new AbortController().signal)).toEqual({
      status: "missed",
      rttUs: null,
      errorCode: "connection_refused",
      error: `connection refused by 127.0.0.1:${free}`,
      phases: null,
      address: "127.0.0.1",
    });
  });

  it("gives up at the timeout and at a cancellation", async () => {
    await using silent = await silentPort();
    const target = `127.0.0.1:${silent.port}`;
    const probe = (timeoutMs: number, signal = new AbortController().signal) =>
      prober.probe(request(target, timeoutMs), signal);
    expect(await probe(100)).toMatchObject({
      status: "missed",
      rttUs: null,
      errorCode: "timeout",
      error: `no answer from 127.0.0.1:${silent.port} within 100 ms (while connecting)`,
    });
    expect(await overrunMs(100, () => probe(100))).toBeLessThan(PROMPT_MS);
    expect(await cancellationMs((signal) => probe(5_000, signal))).toBeLessThan(PROMPT_MS);
    expect(await probe(5_000, AbortSignal.timeout(20))).toMatchObject({
      status: "system_error",
      errorCode: "cancelled",
    });
  });

  it("refuses metadata addresses in every spelling", async () => {
    const signal = new AbortController().signal;
    for (const host of ["169.254.169.254", "[::ffff:169.254.169.254]", "[fe80::1]", "[64:ff9b::a9fe:a9fe]"]) {
      expect(await prober.probe(request(`${host}:80`), signal)).toMatchObject({
        status: "system_error",
        errorCode: "address_denied",
      });
    }
  });

  it("does not wait for a caller who has gone", async () => {
    const outcome = await prober.probe(request(`127.0.0.1:${port}`), AbortSignal.abort());
    expect(outcome).toMatchObject({ status: "system_error", errorCode: "cancelled" });
    connect(port).destroy();
  });
});
