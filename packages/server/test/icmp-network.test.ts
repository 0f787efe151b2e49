// What the ICMP engine makes of a network: silence, late and lying answers, errors on the way; and what it may do
// without privileges. The other side is the responder on a second host.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { IcmpOptions } from "@nightbell/contract";
import { Registry } from "prom-client";
import { IcmpProbes } from "../src/features/probing/icmp-probes.js";
import { type JobDefinition, MeasuredJob } from "../src/features/probing/measured-job.js";
import { pollerMetrics } from "../src/features/probing/poller-metrics.js";
import { Recorder } from "../src/features/probing/recorder.js";
import type { SampleRecord } from "../src/features/samples/sample.js";
import { systemClock } from "../src/platform/clock.js";
import { createLogger } from "../src/platform/log.js";
import { packageRoot } from "../src/platform/paths.js";
import { Echoes, PLAIN, type Echo } from "./echoes.js";
import { eventually } from "./eventually.js";
import { createHost, whyNoNetwork, type Host, type Responder } from "./responder/network.js";

const obstacle = whyNoNetwork();
const SILENT = 24;

describe.skipIf(obstacle !== null)(
  `ICMP over a network${obstacle === null ? "" : ` (skipped: ${obstacle})`}`,
  () => {
    let host: Host;
    let responder: Responder;
    beforeAll(async () => {
      host = createHost();
      responder = await host.respond();
    });
    afterAll(async () => {
      await responder.report();
      host.remove();
    });

    const timeouts = [10, 50, 51, 200, 333];

    // Again when the machine was too busy to run the worker in time; an engine that is late is late again.
    test("times out within 20 ms, and reports when", { retry: 3 }, async () => {
      await using echoes = await Echoes.start();
      const target = echoes.engine.addTarget(host.address(SILENT), PLAIN);
      for (const [tag, timeoutMs] of timeouts.entries()) echoes.send(target, { tag, timeoutMs });
      await echoes.until(timeouts.length);
      for (const echo of echoes.all) {
        const timeoutMs = timeouts[echo.tag] ?? 0;
        const tookMs = echo.receivedAtMs - echo.sentAtMs;
        expect(echo.kind).toBe("timeout");
        expect(tookMs).toBeGreaterThanOrEqual(timeoutMs - 0.1);
        expect(tookMs).toBeLessThan(timeoutMs + 20);
      }
    });

    test("cancels the probes of a tag, due or sent, and no others", async () => {
      await using echoes = await Echoes.start();
      const target = echoes.engine.addTarget(host.address(SILENT), PLAIN);
      echoes.send(target, { tag: 7, timeoutMs: 20_000 });
      echoes.send(target, { tag: 7, dueAtMs: Date.now() + 900, timeoutMs: 20_000 });
      echoes.send(target, { tag: 8, timeoutMs: 20_000 });
      await eventually(() => expect(echoes.engine.stats().sent).toBe(2));
      echoes.engine.cancel(7);
      await echoes.until(2);
      expect(echoes.all.map(({ tag, kind }) => [tag, kind])).toEqual([
        [7, "cancelled"],
        [7, "cancelled"],
      ]);
      expect(echoes.engine.stats().outstanding).toBe(1);
    });

    test("closing ends what is under way as cancelled, and nothing is accepted afterwards", async () => {
      const echoes = await Echoes.start();
      const target = echoes.engine.addTarget(host.address(SILENT), PLAIN);
      for (let tag = 0; tag < 500; tag += 1)
        echoes.send(target, { tag, dueAtMs: Date.now() + (tag % 2) * 800, timeoutMs: 30_000 });
      await echoes.engine.close();
      expect(echoes.countOf("cancelled")).toBe(500);
      expect(echoes.engine.submit(target, 1, 0, 100)).toBe(false);
      await echoes.engine.close();
    });

    test("a job's sample says where its probe went, though the job was edited before the answer", async () => {
      const samples: SampleRecord[] = [];
      const recorder = new Recorder({
        locationNo: 1,
        sink: { add: (sample) => samples.push(sample), strayReply: () => undefined },
        metrics: pollerMetrics(new Registry(), systemClock, nothing),
        clock: systemClock,
        log: createLogger("silent", "test"),
        ended: () => undefined,
      });
      const probes = new IcmpProbes(recorder, { clock: systemClock, log: createLogger("silent", "test") });
      await probes.open();
      const job = new MeasuredJob(icmpJob(host.address(SILENT), 300));
      probes.start(recorder.begin(job, Date.now()));
      await eventually(() => expect(samples).toHaveLength(1));
      probes.start(recorder.begin(job, Date.now()));
      job.redefine(icmpJob(host.address(23), 5_000));
      probes.prepare(job);
      await eventually(() => expect(samples).toHaveLength(2));
      await probes.close();
      expect(samples[1]?.error).toBe(`no answer from ${host.address(SILENT)} within 300 ms`);
    });

    test("refuses probes when it is full and takes them again when there is room", async () => {
      await using echoes = await Echoes.start({
        limits: { maxOutstanding: 100, submissionRing: 64, maxTargets: 8, resultRing: 1_024 },
      });
      const target = echoes.engine.addTarget(host.address(SILENT), PLAIN);
      let accepted = 0;
      await eventually(() => {
        while (echoes.engine.submit(target, accepted, 0, 800)) accepted += 1;
        // As many as can be outstanding, and a ring full of them.
        expect(accepted).toBe(164);
      });
      expect(echoes.engine.stats().refused).toBeGreaterThan(0);
      await echoes.until(164);
      expect(echoes.countOf("timeout")).toBe(164);
      expect((await echoes.probe("127.0.0.1")).kind).toBe("reply");
      for (let count = 2; count < 8; count += 1) echoes.engine.addTarget("127.0.0.1", PLAIN);
      expect(() => echoes.engine.addTarget("127.0.0.1", PLAIN)).toThrow("at most 8 targets");
    });

    test("100,000 probes can be outstanding", async () => {
      await using echoes = await Echoes.start();
      const target = echoes.engine.addTarget(host.address(SILENT), PLAIN);
      let accepted = 0;
      await eventually(() => {
        while (accepted < 100_000 && echoes.engine.submit(target, accepted, 0, 60_000)) accepted += 1;
        expect(accepted).toBe(100_000);
      });
      await eventually(() => expect(echoes.engine.stats().sent).toBe(100_000), { withinMs: 20_000 });
      expect(echoes.engine.stats()).toMatchObject({ outstanding: 100_000, timeouts: 0 });
      await echoes.engine.close();
      expect(echoes.countOf("cancelled")).toBe(100_000);
    });

    test("a reply after its timeout is late, and counted for its probe", async () => {
      await using echoes = await Echoes.start();
      const echo = await echoes.probe(host.address(23), { timeoutMs: 50 });
      expect(echo.kind).toBe("timeout");
      await eventually(() => expect(echoes.strays).toHaveLength(1));
      expect(echoes.strays[0]).toMatchObject({ tag: echo.tag, kind: "late" });
      expect((echoes.strays[0]?.atMs ?? 0) - echo.sentAtMs).toBeGreaterThan(149);
    });

    test.each([
      ["truncated", 30, "malformed"],
      ["with another token", 31, "foreign"],
      ["whose every other number is right, without the probe's secret", 34, "foreign"],
      ["with a wrong checksum", 32, "malformed"],
      ["of another length", 33, "malformed"],
    ] as const)("a reply %s is counted and is no answer", async (_, lastByte, counter) => {
      await using echoes = await Echoes.start();
      const echo = await echoes.probe(host.address(lastByte), { timeoutMs: 100 });
      expect(echo.kind).toBe("timeout");
      // At least: a raw socket also sees what others on this machine receive.
      expect(echoes.engine.stats()[counter]).toBeGreaterThan(0);
    });

    test("an error on the way ends the probe and says who sent it", async () => {
      await using echoes = await Echoes.start();
      for (const { lastByte, icmpType, icmpCode } of errorsOnTheWay) {
        const address = host.address(lastByte);
        const echo = await echoes.probe(address);
        expect(echo).toMatchObject({ kind: "icmpError", icmpType, icmpCode, source: address });
        expect(echo.rttNs).toBeGreaterThan(0);
      }
      const misquoted = await echoes.probe(host.address(43), { timeoutMs: 100 });
      expect(misquoted.kind).toBe("timeout");
      expect(echoes.engine.stats().foreign).toBeGreaterThan(0);
    });

    describe("without CAP_NET_RAW", () => {
      test("an engine that may not run says how to permit it", async () => {
        await permitPingSockets(host, "1 0");
        const { refusal, code } = await probeUnprivileged(host, ["127.0.0.1"]);
        expect(code).toBe("permission");
        expect(refusal).toContain("net.ipv4.ping_group_range");
        expect(refusal).toContain("CAP_NET_RAW");
      });

      test("a ping socket measures, and hears of errors on the way", async () => {
        await permitPingSockets(host, "0 2147483647");
        const { mode, echoes, stats } = await probeUnprivileged(host, [
          "::1",
          host.address(100),
          host.address(21),
          ...errorsOnTheWay.map(({ lastByte }) => host.address(lastByte)),
          host.address(31),
          host.address(100),
        ]);
        expect(mode).toBe("ping");
        expect(echoes?.map(({ kind }) => kind)).toEqual([
          "reply",
          "reply",
          "reply",
          ...errorsOnTheWay.map(() => "icmpError"),
          "timeout",
          "reply",
        ]);
        expect(
          echoes?.slice(3, 3 + errorsOnTheWay.length).map((echo) => [echo.icmpType, echo.icmpCode]),
        ).toEqual(errorsOnTheWay.map(({ icmpType, icmpCode }) => [icmpType, icmpCode]));
        expect(echoes?.[3]?.source).toBe(host.address(40));
        expect(stats).toMatchObject({ fallbackStamps: 0, sendErrors: 0, foreign: 1 });
      });
    });
  },
);

const nothing = { jobs: () => 0, inFlight: () => 0, waiting: () => 0, concurrencyLimit: () => 0 };

function icmpJob(target: string, timeoutMs: number): JobDefinition {
  return {
    id: "019aa000-0000-7000-8000-000000000000",
    jobNo: 1,
    revision: 1,
    type: "icmp",
    target,
    options: IcmpOptions.parse({ timeoutMs }),
    simulation: null,
    grids: [{ fromSlot: 0, toSlot: null, cadenceMs: 1, firstSequence: 0 }],
    endsAt: null,
  };
}

const errorsOnTheWay = [
  { lastByte: 40, icmpType: 3, icmpCode: 1 },
  { lastByte: 41, icmpType: 3, icmpCode: 13 },
  { lastByte: 42, icmpType: 11, icmpCode: 0 },
];

interface Unprivileged {
  refusal?: string;
  code?: string;
  mode?: string;
  echoes?: Echo[];
  stats?: Record<string, number>;
}

const run = promisify(execFile);

async function permitPingSockets(host: Host, groups: string): Promise<void> {
  const write = `echo "${groups}" >/proc/sys/net/ipv4/ping_group_range`;
  await run("ip", ["netns", "exec", host.namespace, "sh", "-c", write]);
}

/** Probes each address in turn from a process on the host that has lost the capabilities for raw sockets. */
async function probeUnprivileged(host: Host, addresses: string[]): Promise<Unprivileged> {
  const script = fileURLToPath(new URL("responder/probe.mjs", import.meta.url));
  const drop = ["setpriv", "--bounding-set", "-net_raw,-net_admin,-sys_admin", "--inh-caps", "-all"];
  const probe = [process.execPath, script, `${packageRoot}/dist`, ...addresses];
  const { stdout } = await run("ip", ["netns", "exec", host.namespace, ...drop, ...probe]);
  return JSON.parse(stdout) as Unprivileged;
}
