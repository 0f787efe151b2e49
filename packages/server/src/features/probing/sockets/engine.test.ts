import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { getSystemErrorName, promisify } from "node:util";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { HttpOptions, TcpOptions } from "@nightbell/contract";
import { afterEach, describe, expect, it } from "vitest";
import { silentPort } from "../../../../test/backlog.js";
import { HandClock } from "../../../../test/hand-clock.js";
import { eventually } from "../../../../test/eventually.js";
import { closeServers, openConnections, serveHttp, serveTcp } from "../../../../test/servers.js";
import { createLogger } from "../../../platform/log.js";
import { compiledFile } from "../../../platform/paths.js";
import { createHttpProber } from "../probers/http.js";
import { createTcpProber } from "../probers/tcp.js";
import { createTrust } from "../probers/tls-handshake.js";
import { SocketEngine } from "./engine.js";

const isSupported = process.platform === "linux";
const trust = createTrust();

/** An engine, a prober of each type on it, and its worker thread. */
async function start() {
  const clock = new HandClock();
  const workers: Worker[] = [];
  const note = (worker: Worker) => workers.push(worker);
  process.on("worker", note);
  const engine = new SocketEngine({ clock, log: createLogger("silent", "test") });
  await engine.start();
  const tcp = createTcpProber(undefined, engine);
  const http = createHttpProber(trust, undefined, engine);
  const { signal } = new AbortController();
  return {
    engine,
    clock,
    workers,
    tcp: (target: string, options = {}) =>
      tcp.probe({ target, options: TcpOptions.parse(options), slot: 0, seed: "" }, signal),
    http: (target: string, options = {}) =>
      http.probe({ target, options: HttpOptions.parse(options), slot: 0, seed: "" }, signal),
    async [Symbol.asyncDispose]() {
      process.off("worker", note);
      await engine.close();
    },
  };
}

afterEach(closeServers);

describe.runIf(isSupported)("the socket engine", () => {
  it("gives each of many exchanges at once its own answer", async () => {
    await using world = await start();
    const port = await serveHttp((request, response) => response.end(request.url));
    const outcomes = await Promise.all(
      Array.from({ length: 500 }, (_, index) =>
        world.http(`http://127.0.0.1:${port}/${index}/`, {
          assertions: [{ kind: "body", contains: `/${index}/` }],
        }),
      ),
    );
    expect(outcomes.map(({ error }) => error)).toEqual(outcomes.map(() => null));
    await expect.poll(openConnections).toBe(0);
  });

  it("takes what is too large for shared memory", async () => {
    await using world = await start();
    const port = await serveHttp((request, response) => {
      response.setHeader("x-long", "h".repeat(5_000));
      response.end(`${"b".repeat(300_000)}${request.headers["x-sent"]?.length}`);
    });
    const outcome = await world.http(`http://127.0.0.1:${port}/`, {
      headers: { "x-sent": "s".repeat(3_000) },
      assertions: [
        { kind: "header", name: "x-long", contains: "h".repeat(1_000) },
        { kind: "body", contains: "b3000" },
      ],
    });
    expect(outcome).toMatchObject({ status: "success", error: null });
    const short = await world.http(`http://127.0.0.1:${port}/`, {
      assertions: [{ kind: "body", contains: "bundefined" }],
    });
    expect(short).toMatchObject({ status: "success", error: null });
  });

  it("shows nothing of a busy main thread in what it measured, not even a timeout", async () => {
    await using world = await start();
    const target = new Worker(
      `const { createServer } = require("node:http"), { parentPort } = require("node:worker_threads");
       const server = createServer((_, response) => response.end("ok"));
       server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));`,
      { eval: true },
    );
    const port = await new Promise<number>((resolve) => target.once("message", resolve));
    await world.http(`http://127.0.0.1:${port}/`);
    const probe = world.http(`http://127.0.0.1:${port}/`, { timeoutMs: 150 });
    await new Promise(setImmediate);
    const until = performance.now() + 300;
    while (performance.now() < until);
    const { status, rttUs } = await probe;
    expect(status).toBe("success");
    expect(rttUs).toBeLessThan(150_000);
    await target.terminate();
  });

  it("tells an error of our own machine from one of the target's", async () => {
    await using world = await start();
    const { thread } = world.engine;
    // TCP has no way to the broadcast address; nothing is sent.
    const ended = await thread?.begin("255.255.255.255", 9, null)?.ended;
    expect(ended?.ending).toBe("refusedHere");
    expect(getSystemErrorName(-(ended?.errno ?? 0))).toBe("ENETUNREACH");
  });

  it("dies without harm: what was under way is our failure, the next probes go through Node, and it comes back", async () => {
    await using world = await start();
    await using silent = await silentPort();
    const port = await serveTcp(() => undefined);
    const before = openFiles();
    const hanging = world.tcp(`127.0.0.1:${silent.port}`);
    await eventually(() => expect(openFiles()).toBe(before + 1));
    await world.workers[0]?.terminate();
    expect(await hanging).toMatchObject({
      status: "system_error",
      errorCode: "socket",
      error: "the socket worker died; it is being restarted",
    });
    expect(openFiles()).toBeLessThan(before);
    expect(await world.tcp(`127.0.0.1:${port}`)).toMatchObject({ status: "success" });
    expect(world.engine.thread).toBeNull();
    world.clock.advance(1_000);
    await world.engine.start();
    expect(world.engine.thread).not.toBeNull();
    expect(await world.tcp(`127.0.0.1:${port}`)).toMatchObject({ status: "success" });
  });

  it("leaves no file open behind", async () => {
    const before = openFiles();
    await (await start())[Symbol.asyncDispose]();
    expect(openFiles()).toBe(before);
  });

  it("ends what is under way when it closes", async () => {
    const world = await start();
    await using silent = await silentPort();
    const hanging = world.tcp(`127.0.0.1:${silent.port}`);
    await new Promise(setImmediate);
    await world.engine.close();
    expect(await hanging).toMatchObject({ status: "system_error", errorCode: "cancelled" });
  });

  it("does not keep a program alive that forgets to close it", async () => {
    const module = pathToFileURL(compiledFile("features/probing/sockets/index.js")).href;
    const program = `
      import { SocketEngine } from "${module}";
      const log = { warn: console.log };
      const engine = new SocketEngine({ clock: { monotonic: () => 0 }, log });
      await engine.start();
      const { ending } = await engine.thread.begin("127.0.0.1", 1, null).ended;
      console.log(ending);`;
    const node = promisify(execFile);
    const { stdout } = await node(process.execPath, ["--input-type=module", "--eval", program], {
      timeout: 10_000,
    });
    expect(stdout).toBe("failed\n");
  });
});

function openFiles(): number {
  return readdirSync("/proc/self/fd").length;
}
