// The ICMP engine: echo requests to the 32,766 addresses of 127.0.0.0/17 as fast as it can, against fping, in turns,
// neither running while the other does; then its cost and lateness at steady rates, and 100,000 probes/s for a minute.
import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { IcmpEngine, ResultKind } from "../packages/server/dist/features/probing/icmp/index.js";

const NETWORK = "127.0.0.0/17";
const ADDRESSES = 32_766;
const TIMEOUT_MS = 500;
const PROBE = { payloadBytes: 56, ttl: 64 };
/** Probes are submitted this far ahead, as the poller does. */
const LEAD_MS = 50;

/** @param {{ quick: boolean }} options */
export async function run({ quick }) {
  const rows = [await againstFping(quick ? 3 : 9)];
  for (const perSecond of [2_000, 10_000]) rows.push(...(await steady(perSecond, quick ? 2 : 10)));
  rows.push(await flood(100_000, quick ? 3 : 60));
  return rows;
}

/** An engine with all targets, and the results of the current round in columns by tag. */
async function startEngine() {
  const round = { replies: 0, others: 0, take: undefined };
  const engine = await IcmpEngine.start({
    onResult: (result) => {
      if (result.kind === ResultKind.reply) round.replies += 1;
      else round.others += 1;
      round.take(result);
    },
  });
  const targets = Array.from({ length: ADDRESSES }, (_, index) => {
    const host = index + 1;
    return engine.addTarget(`127.0.${host >> 8}.${host & 255}`, PROBE);
  });
  const begin = (take) => Object.assign(round, { replies: 0, others: 0, take });
  const until = async (count) => {
    while (round.replies + round.others < count) await sleep(1);
  };
  return { engine, targets, round, begin, until, close: () => engine.close() };
}

async function againstFping(rounds) {
  const ours = [];
  const theirs = [];
  for (let count = 0; count < rounds; count += 1) {
    const bench = await startEngine();
    await burst(bench); // until its code is compiled
    ours.push(await burst(bench));
    await bench.close();
    theirs.push(await fping());
  }
  const lost = [...ours, ...theirs].reduce((sum, each) => sum + (each?.lost ?? 0), 0);
  const value = median(ours.map((each) => each.perSecond));
  const missing = theirs.includes(null);
  const peerValue = missing ? null : median(theirs.map((each) => each.perSecond));
  const ratio = missing ? null : value / peerValue;
  return {
    name: `ICMP echo, ${ADDRESSES.toLocaleString("en")} addresses, every result recorded`,
    value: Math.round(value),
    unit: "echo/s",
    budget: "≥ 1.0 × fping, none lost",
    peer: "fping",
    peerValue: missing ? null : Math.round(peerValue),
    ratio,
    ok: !missing && ratio >= 1 && lost === 0,
    note: missing ? "peer missing: apt-get install fping" : `${lost} lost; medians of ${rounds} turns each`,
  };
}

/** One echo to each address at once; from the first submission to the last result in our hands. */
async function burst({ engine, targets, begin, until, round }) {
  const rttNs = new Float64Array(ADDRESSES);
  begin(({ tag, rttNs: value }) => (rttNs[tag] = value));
  const startedAt = performance.now();
  for (let tag = 0; tag < ADDRESSES; tag += 1)
    while (!engine.submit(targets[tag], tag, 0, TIMEOUT_MS)) await sleep(1);
  await until(ADDRESSES);
  return { perSecond: (ADDRESSES / (performance.now() - startedAt)) * 1_000, lost: round.others };
}

/** By its own clock, which leaves its start out. Null when it is not installed. */
async function fping() {
  // -q -C 1: keeps each result and prints them after the measured time.
  const args = ["-i", "0", "-t", String(TIMEOUT_MS), "-C", "1", "-q", "-s", "-g", NETWORK];
  try {
    const { stderr } = await promisify(execFile)("fping", args, { maxBuffer: 64 * 1024 * 1024 });
    const seconds = Number(/([\d.]+) sec \(elapsed/.exec(stderr)?.[1]);
    const received = Number(/(\d+) ICMP Echo Replies received/.exec(stderr)?.[1]);
    return { perSecond: ADDRESSES / seconds, lost: ADDRESSES - received };
  } catch (error) {
    if (error.code === "ENOENT") return null;
    throw error;
  }
}

/** What a steady rate costs, and how late its probes are. */
async function steady(perSecond, seconds) {
  const { latenessMs, cores, lost, mebibytes } = await atRate(perSecond, seconds);
  const total = latenessMs.length;
  latenessMs.sort();
  const p99 = latenessMs[Math.floor(total * 0.99)];
  const name = `ICMP at ${perSecond.toLocaleString("en")} probes/s`;
  const microseconds = ((cores / perSecond) * 1e6).toFixed(1);
  return [
    {
      name: `${name}: lateness p99`,
      value: p99,
      unit: "ms",
      budget: "< 50 ms, none lost",
      ok: p99 < 50 && lost === 0,
      note: `median ${latenessMs[total >> 1].toFixed(2)} ms; ${lost} of ${total.toLocaleString("en")} lost`,
    },
    {
      name: `${name}: CPU`,
      value: cores,
      unit: "cores",
      budget: "",
      ok: true,
      note: `${microseconds} µs a probe, kernel and main thread included; ${mebibytes} MiB`,
    },
  ];
}

async function flood(perSecond, seconds) {
  const { latenessMs, cores, lost, achieved } = await atRate(perSecond, seconds);
  return {
    name: `ICMP, ${perSecond.toLocaleString("en")} probes/s for ${seconds} s`,
    value: Math.round(achieved),
    unit: "probes/s",
    budget: `≥ ${(perSecond * 0.99).toLocaleString("en")}, none lost`,
    ok: achieved >= perSecond * 0.99 && lost === 0,
    note: `${lost} of ${latenessMs.length.toLocaleString("en")} lost; ${cores.toFixed(2)} cores`,
  };
}

/** Probes at a steady rate, submitted ahead of time. */
async function atRate(perSecond, seconds) {
  const { engine, targets, begin, until, round, close } = await startEngine();
  const total = perSecond * seconds;
  const everyMs = 1_000 / perSecond;
  const latenessMs = new Float64Array(total);
  const startAt = Date.now() + 100;
  begin(({ tag, sentAtMs }) => (latenessMs[tag] = sentAtMs - (startAt + tag * everyMs)));
  const before = process.cpuUsage();
  for (let tag = 0; tag < total; await sleep(5)) {
    const untilMs = Date.now() + LEAD_MS - startAt;
    while (tag < total && tag * everyMs < untilMs) {
      if (!engine.submit(targets[tag % ADDRESSES], tag, startAt + tag * everyMs, TIMEOUT_MS)) break;
      tag += 1;
    }
  }
  await until(total);
  const { user, system } = process.cpuUsage(before);
  const tookMs = Date.now() - startAt;
  const mebibytes = Math.round(process.memoryUsage.rss() / 2 ** 20);
  const { others: lost } = round;
  await close();
  const cores = (user + system) / 1_000 / tookMs;
  return { latenessMs, cores, lost, mebibytes, achieved: (total / tookMs) * 1_000 };
}

function median(values) {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[sorted.length >> 1];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  console.table(await run({ quick: process.argv.includes("--quick") }));
