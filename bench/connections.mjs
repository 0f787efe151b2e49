// TCP and HTTP probes per second: the probers as the poller runs them against prometheus-blackbox-exporter, in turns, both with
// the same number of probes under way and against the same server, whose targets spread over 127.0.0.0/8.
// Twice: with the whole machine for everybody, where the exporter spreads over all cores and our two threads over two; and
// with one core for whoever probes and another for the rest, which compares what a probe costs.
// Also runs by itself: `node bench/connections.mjs [--quick]`.
import { execFileSync, fork, spawn } from "node:child_process";
import { on, once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { HttpOptions, TcpOptions } from "@nightbell/contract";
import { Pool } from "undici";

const TARGETS = 4_096;
const UNDER_WAY = 64;
const ROUNDS = 5;
const ROUND_MS = 4_000;
const QUICK_ROUNDS = 1;
const QUICK_ROUND_MS = 1_500;
const START_TIMEOUT_MS = 10_000;
const PEER = "prometheus-blackbox-exporter";
const TARGET_SERVER = join(import.meta.dirname, "peers", "target-server.mjs");
const DRIVER_FLAG = "--driver";

const kinds = [
  { kind: "tcp", name: "TCP probes", budget: 1.5, schema: TcpOptions, scheme: "" },
  { kind: "http", name: "HTTP probes", budget: 3, schema: HttpOptions, scheme: "http://" },
];

export async function run({ quick = false } = {}) {
  const { createProbers } = await import("../packages/server/dist/features/probing/probers/index.js");
  const { SocketEngine } = await import("../packages/server/dist/features/probing/sockets/index.js");
  const { systemClock } = await import("../packages/server/dist/platform/clock.js");
  // As the poller does: the main thread and the socket worker.
  const engine = new SocketEngine({ clock: systemClock, log: console });
  await engine.start();
  const probers = createProbers({ latencyApiUrl: "http://127.0.0.1:4402", engine });
  const rounds = quick ? QUICK_ROUNDS : ROUNDS;
  const roundMs = quick ? QUICK_ROUND_MS : ROUND_MS;
  const server = await child(TARGET_SERVER);
  const peer = await startPeer();
  const rows = [];
  try {
    for (const { kind, name, budget, schema, scheme } of kinds) {
      const port = server.hello[kind];
      const jobs = Array.from({ length: TARGETS }, (_, index) => ({
        target: `${scheme}${address(index)}:${port}`,
        options: schema.parse({}),
      }));
      const { signal } = new AbortController();
      const ours = async (index) => {
        const request = { ...jobs[index % TARGETS], slot: index, seed: "" };
        return (await probers[kind].probe(request, signal)).status === "success";
      };
      for (const placement of placements) {
        placement.place({ prober: process.pid, peer: peer?.pids ?? null, server: server.process.pid });
        const own = [];
        const theirs = [];
        for (let round = 0; round < rounds; round++) {
          own.push(await measure(ours, roundMs));
          if (peer !== null) theirs.push(await peer.measure({ kind, port, scheme, roundMs }));
        }
        rows.push(row({ name: `${name}${placement.suffix}`, budget, own, theirs, rounds, roundMs }));
      }
    }
  } finally {
    placements[0].place({ prober: process.pid, peer: null, server: server.process.pid });
    await peer?.stop();
    await engine.close();
    server.process.kill();
  }
  return rows;
}

/** Where the processes may run. The second needs two cores. */
const placements = [
  {
    suffix: ", whole machine",
    place: ({ prober, peer, server }) => {
      const everywhere = `0-${availableParallelism() - 1}`;
      for (const pid of [prober, server, peer?.exporter, peer?.driver]) pin(pid, everywhere);
    },
  },
  {
    suffix: ", one core",
    place: ({ prober, peer, server }) => {
      for (const pid of [prober, peer?.exporter]) pin(pid, "0");
      for (const pid of [server, peer?.driver]) pin(pid, "1");
    },
  },
];

function pin(pid, cores) {
  if (pid !== undefined)
    execFileSync("taskset", ["--all-tasks", "--cpu-list", "--pid", cores, String(pid)], { stdio: "ignore" });
}

function row({ name, budget, own, theirs, rounds, roundMs }) {
  const value = median(own.map(({ perSecond }) => perSecond));
  const failures = sum(own.map(({ failures }) => failures));
  const hasPeer = theirs.length > 0;
  const peerValue = hasPeer ? median(theirs.map(({ perSecond }) => perSecond)) : null;
  const ratio = hasPeer ? value / peerValue : null;
  const peerFailures = sum(theirs.map(({ failures }) => failures));
  return {
    name,
    value,
    unit: "/s",
    budget: `≥ ${budget} × peer`,
    peer: PEER,
    peerValue,
    ratio,
    ok: ratio !== null && ratio >= budget && failures === 0,
    note: hasPeer
      ? `${rounds} × ${roundMs / 1_000} s in turns, ${UNDER_WAY} under way, not successful: ${failures} and ${peerFailures}`
      : `${PEER} is not installed`,
  };
}

/** Keeps probes under way for a while; `probe` says whether it succeeded. */
async function measure(probe, durationMs) {
  const startedAt = performance.now();
  let count = 0;
  let failures = 0;
  const keepProbing = async (lane) => {
    for (let index = lane; performance.now() - startedAt < durationMs; index += UNDER_WAY) {
      if (!(await probe(index))) failures++;
      count++;
    }
  };
  await Promise.all(Array.from({ length: UNDER_WAY }, (_, lane) => keepProbing(lane)));
  return { perSecond: (count / (performance.now() - startedAt)) * 1_000, failures };
}

/** Starts the exporter and the process that drives it; null when it is not installed. */
async function startPeer() {
  const folder = await mkdtemp(join(tmpdir(), "nightbell-bench-"));
  const config = join(folder, "blackbox.yml");
  const modules = "tcp: { prober: tcp, timeout: 5s }\n  http: { prober: http, timeout: 5s }";
  await writeFile(config, `modules:\n  ${modules}\n`);
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const args = [`--config.file=${config}`, `--web.listen-address=127.0.0.1:${port}`, "--log.level=error"];
  const exporter = spawn(PEER, args, { stdio: ["ignore", "ignore", "inherit"] });
  const isInstalled = await new Promise((resolve) => {
    exporter.once("spawn", () => resolve(true));
    exporter.once("error", () => resolve(false));
  });
  if (!isInstalled) {
    await rm(folder, { recursive: true });
    return null;
  }
  await answering(`${origin}/-/healthy`);
  const driver = await child(import.meta.filename, DRIVER_FLAG, origin);
  return {
    pids: { exporter: exporter.pid, driver: driver.process.pid },
    async measure(order) {
      driver.process.send(order);
      const [result] = await once(driver.process, "message");
      return result;
    },
    async stop() {
      driver.process.kill();
      exporter.kill();
      await rm(folder, { recursive: true });
    },
  };
}

/** Process that asks the exporter for probes over kept connections, so that asking costs it as little as can be. */
async function drive(origin) {
  const pool = new Pool(origin, { connections: UNDER_WAY });
  process.send({});
  for await (const [{ kind, port, scheme, roundMs }] of on(process, "message")) {
    const probe = async (index) => {
      const target = encodeURIComponent(`${scheme}${address(index % TARGETS)}:${port}`);
      const answer = await pool.request({ method: "GET", path: `/probe?module=${kind}&target=${target}` });
      return (await answer.body.text()).includes("probe_success 1");
    };
    process.send(await measure(probe, roundMs));
  }
}

async function child(file, ...args) {
  const process = fork(file, args);
  const [hello] = await once(process, "message");
  return { process, hello };
}

/** One loopback address for each target, over several networks. */
function address(index) {
  return `127.${1 + (index >> 10)}.${(index >> 5) & 0x1f}.${1 + (index & 0x1f)}`;
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

async function answering(url) {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < deadline) {
    const answer = await fetch(url).catch(() => null);
    if (answer?.ok) return;
    await sleep(50);
  }
  throw new Error(`${url} does not answer`);
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

if (process.argv[2] === DRIVER_FLAG) await drive(process.argv[3]);
else if (process.argv[1] === import.meta.filename)
  console.table(await run({ quick: process.argv.includes("--quick") }));
