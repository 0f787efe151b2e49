import { describe, expect, it } from "vitest";
import { HandClock } from "../../../../test/hand-clock.js";
import { createLogger } from "../../../platform/log.js";
import { failed, succeeded } from "../outcome.js";
import type { ProbeOutcome } from "../prober.js";
import { HeldMisses } from "./held-misses.js";
import { References } from "./references.js";

const log = createLogger("silent", "test");
const answered = succeeded({ rttUs: 900, phases: null, address: null });
const silent = failed({ code: "timeout", error: "no answer from 10.0.0.1 within 1000 ms" });
const miss = failed({ code: "timeout", error: "no answer from 10.0.0.9 within 100 ms" });
const gateway = { type: "icmp", host: "10.0.0.1", port: null, name: "icmp://10.0.0.1" } as const;
const resolver = { type: "tcp", host: "10.0.0.2", port: 53, name: "tcp://10.0.0.2:53" } as const;

/** References that are asked and answer when the test says so. */
function world(targets = [gateway, resolver]) {
  const clock = new HandClock();
  const asked: ((outcome: ProbeOutcome) => void)[] = [];
  const started: (() => void)[] = [];
  const references = new References({
    targets,
    ask: () => new Promise((resolve) => asked.push(resolve)),
    decided: () => misses.review(),
    clock,
    log,
    every: (ask) => {
      started.push(ask);
      return () => undefined;
    },
  });
  let excused = 0;
  const misses = new HeldMisses({ references, excused: () => (excused += 1), clock });
  const told: ProbeOutcome[] = [];
  references.start();
  /** Whatever was asked last, in order; the rest is silent. */
  const answer = async (...outcomes: ProbeOutcome[]) => {
    for (const [index, resolve] of asked.splice(0).entries()) resolve(outcomes[index] ?? silent);
    await Promise.resolve();
    await Promise.resolve();
  };
  return {
    clock,
    references,
    misses,
    told,
    excused: () => excused,
    answer,
    /** A second later the next round. */
    round: async (...outcomes: ProbeOutcome[]) => {
      clock.advance(1_000);
      for (const ask of started) ask();
      await answer(...outcomes);
    },
    missed: (sentAgoMs = 100) => {
      misses.judge(miss, clock.now() - sentAgoMs, (judged) => told.push(judged));
    },
  };
}

describe("a miss", () => {
  it("is told unchanged as soon as a round that started after it has one answer", async () => {
    const { missed, misses, told, excused, answer, round, clock } = world();
    await answer(answered);
    clock.advance(500);
    missed();
    expect([told, misses.count]).toEqual([[], 1]);
    await round(silent, answered);
    expect([told, misses.count, excused()]).toEqual([[miss], 0, 0]);
    expect(told[0]).toBe(miss);
  });

  it("is an error of ours when no reference answered, and names them and what was seen", async () => {
    const { missed, misses, told, excused, answer, round, clock } = world();
    await answer(answered, answered);
    clock.advance(500);
    missed();
    await round(silent, silent);
    expect(told).toEqual([
      {
        status: "system_error",
        rttUs: null,
        errorCode: "poller_offline",
        error:
          "this poller was offline, as no reference target answered (icmp://10.0.0.1, tcp://10.0.0.2:53): no answer from 10.0.0.9 within 100 ms",
        phases: null,
        address: null,
      },
    ]);
    expect([misses.count, excused()]).toEqual([0, 1]);
  });

  it("is not held back when its timeout was long enough for rounds to have answered", async () => {
    const { missed, misses, told, answer, round } = world();
    await answer(answered);
    for (let second = 0; second < 6; second += 1) await round(answered);
    missed(5_000);
    expect([told, misses.count]).toEqual([[miss], 0]);
  });

  it("counts while no reference has ever answered", async () => {
    const { missed, told, answer, round, references } = world();
    await answer(silent, silent);
    missed();
    await round(silent, silent);
    await round(silent, silent);
    expect(told).toEqual([miss]);
    expect(references.stats()).toMatchObject({
      offlineSince: null,
      targets: [
        { target: "icmp://10.0.0.1", isReachable: false, hasAnswered: false, error: silent.error },
        { target: "tcp://10.0.0.2:53", isReachable: false, hasAnswered: false },
      ],
    });
  });

  it("is an error of ours when too many are held back", () => {
    const { missed, misses, told } = world();
    for (let count = 0; count < 100_000; count += 1) missed();
    expect([told, misses.count]).toEqual([[], 100_000]);
    missed();
    expect(told).toMatchObject([{ status: "system_error", errorCode: "overloaded" }]);
    expect(misses.count).toBe(100_000);
  });

  it("is held back no longer when the wall clock is set back meanwhile", async () => {
    const { misses, told, answer, round, clock } = world();
    await answer(answered);
    misses.judge(miss, clock.now() + 3_600_000, (judged) => told.push(judged));
    await round(answered);
    expect(told).toEqual([miss]);
  });
});

describe("references", () => {
  it("say since when the poller is offline, and remember until when it was", async () => {
    const { references, answer, round, clock } = world([gateway]);
    await answer(answered);
    const lostAt = clock.now() + 1_000;
    for (let second = 0; second < 4; second += 1) await round(silent);
    expect(references.stats()).toMatchObject({ offlineSince: lostAt, offlinePeriods: [] });
    const backAt = clock.now() + 1_000;
    for (let second = 0; second < 3; second += 1) await round(answered);
    const period = { from: lostAt, to: backAt };
    expect(references.stats()).toMatchObject({ offlineSince: null, offlinePeriods: [period] });
    clock.advance(86_400_000);
    expect(references.stats().offlinePeriods).toEqual([]);
  });
});
