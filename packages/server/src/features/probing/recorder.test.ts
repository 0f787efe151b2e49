import { IcmpOptions } from "@nightbell/contract";
import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { whyNoIcmp } from "../../../test/echoes.js";
import { eventually } from "../../../test/harness.js";
import { systemClock } from "../../platform/clock.js";
import { createLogger } from "../../platform/log.js";
import type { SampleRecord } from "../samples/index.js";
import { ConcurrencyLimit } from "./concurrency.js";
import { ConnectionProbes } from "./connection-probes.js";
import { IcmpEngine } from "./icmp/index.js";
import { IcmpProbes } from "./icmp-probes.js";
import { MeasuredJob, type JobDefinition } from "./measured-job.js";
import { failed, succeeded } from "./outcome.js";
import { pollerMetrics } from "./poller-metrics.js";
import { Recorder } from "./recorder.js";

const START = 1_700_000_000_000;
const CADENCE = 1_000;
const timeout = failed({ code: "timeout", error: "no answer" });
const answered = (rttUs: number) => succeeded({ rttUs, phases: null, address: "127.0.0.1" });

const zero = () => 0;
const log = createLogger("silent", "test");
const noIcmp = await whyNoIcmp();

function world() {
  const samples: SampleRecord[] = [];
  const ended: MeasuredJob[] = [];
  const recorder = new Recorder({
    locationNo: 1,
    sink: { add: (sample) => samples.push(sample), strayReply: () => undefined },
    metrics: pollerMetrics(new Registry(), systemClock, {
      jobs: zero,
      inFlight: zero,
      waiting: zero,
      concurrencyLimit: zero,
    }),
    clock: systemClock,
    log,
    ended: (job) => ended.push(job),
  });
  return { recorder, samples, ended };
}

function createJob(more: Partial<JobDefinition> = {}): MeasuredJob {
  return new MeasuredJob({
    id: "019aa000-0000-7000-8000-000000000000",
    jobNo: 5,
    revision: 1,
    type: "tcp",
    target: "127.0.0.1:1",
    options: { timeoutMs: 1_000, family: "auto" },
    simulation: null,
    grids: [{ fromSlot: START, toSlot: null, cadenceMs: CADENCE, firstSequence: 7 }],
    endsAt: null,
    ...more,
  });
}

describe("Recorder", () => {
  it("compares each success with the one before it, losses in between or not", () => {
    const { recorder, samples } = world();
    const job = createJob();
    const outcomes = [answered(100), answered(150), timeout, answered(120)];
    for (const [k, outcome] of outcomes.entries())
      recorder.finish(recorder.begin(job, START + k * CADENCE), outcome, START + k * CADENCE + 2.5);
    expect(samples.map(({ jitterUs }) => jitterUs)).toEqual([null, 50, null, 30]);
    expect(samples.map(({ sequenceNumber }) => sequenceNumber)).toEqual([7, 8, 9, 10]);
    expect(samples.map(({ latenessUs }) => latenessUs)).toEqual([2_500, 2_500, 2_500, 2_500]);
  });

  it("gives no jitter to a result that a later slot has overtaken", () => {
    const { recorder, samples } = world();
    const job = createJob();
    const [first, slow, quick] = [0, 1, 2].map((k) => recorder.begin(job, START + k * CADENCE));
    for (const [pending, rttUs] of [
      [first, 100],
      [quick, 130],
      [slow, 900],
    ] as const)
      if (pending !== undefined) recorder.finish(pending, answered(rttUs), START);
    expect(samples.map(({ rttUs, jitterUs }) => [rttUs, jitterUs])).toEqual([
      [100, null],
      [130, 30],
      [900, null],
    ]);
  });

  it("does not compare RTTs of different targets", () => {
    const { recorder, samples } = world();
    const job = createJob();
    recorder.finish(recorder.begin(job, START), answered(100), START);
    job.redefine({ ...job.definition, target: "127.0.0.2:1" });
    recorder.finish(recorder.begin(job, START + CADENCE), answered(5_000), START + CADENCE);
    expect(samples.map(({ jitterUs }) => jitterUs)).toEqual([null, null]);
  });

  it("makes a prober's exception an internal error of ours", async () => {
    const { recorder, samples } = world();
    const probes = new ConnectionProbes(recorder, new ConcurrencyLimit(systemClock, 1), systemClock);
    const job = createJob();
    probes.startWithinLimit(recorder.begin(job, START), () => Promise.reject(new Error("a bug")));
    await eventually(() => expect(samples).toHaveLength(1));
    expect(samples[0]).toMatchObject({ status: 2, errorCode: "internal" });
    expect(recorder.inFlight).toBe(0);
  });

  it("drops results of deleted jobs, and everything once it is closed", () => {
    const { recorder, samples } = world();
    const job = createJob();
    const [deleted, late] = [recorder.begin(job, START), recorder.begin(createJob(), START)];
    job.isDeleted = true;
    recorder.finish(deleted, answered(100), START);
    recorder.close();
    recorder.finish(late, answered(100), START);
    expect(samples).toEqual([]);
    expect(recorder.inFlight).toBe(0);
  });

  it("announces the end of a job with its last result, whichever slot that belongs to", () => {
    const { recorder, ended } = world();
    const endsAt = START + 2 * CADENCE;
    const grids = [{ fromSlot: START, toSlot: endsAt, cadenceMs: CADENCE, firstSequence: 0 }];
    const job = createJob({ endsAt, grids });
    const [first, last] = [recorder.begin(job, START), recorder.begin(job, START + CADENCE)];
    job.nextSlot = null;
    recorder.finish(last, answered(100), START + CADENCE);
    expect(ended).toEqual([]);
    recorder.finish(first, timeout, START);
    expect(ended).toEqual([job]);
  });

  it("does not take a paused job for one that has ended", () => {
    const { recorder, ended } = world();
    const grids = [{ fromSlot: START, toSlot: START + CADENCE, cadenceMs: CADENCE, firstSequence: 0 }];
    const job = createJob({ endsAt: START + 60_000, grids });
    const pending = recorder.begin(job, START);
    job.nextSlot = null;
    recorder.finish(pending, answered(100), START);
    expect(ended).toEqual([]);
  });
});

describe("IcmpProbes", () => {
  it("leaves no target in the engine when a job is let go while its name is looked up", async ({ skip }) => {
    if (noIcmp !== null) skip(noIcmp);
    const { recorder, samples } = world();
    const engines: IcmpEngine[] = [];
    const probes = new IcmpProbes(recorder, {
      clock: systemClock,
      log,
      limits: { maxOutstanding: 64, maxTargets: 64 },
      startEngine: async (options) => {
        const engine = await IcmpEngine.start(options);
        engines.push(engine);
        return engine;
      },
    });
    await probes.open();
    const job = createJob({ type: "icmp", target: "localhost", options: IcmpOptions.parse({}) });
    probes.start(recorder.begin(job, START));
    probes.forget(job);
    await recorder.idle();
    expect(engines[0]?.stats().targets).toBe(0);
    expect(samples).toEqual([]);
    await probes.close();
  });
});
