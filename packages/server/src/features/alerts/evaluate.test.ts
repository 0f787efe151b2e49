// The incremental evaluator against one that looks at the whole history anew after each sample.
import { AlertCondition } from "@nightbell/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EvaluatedSample } from "./conditions/index.js";
import { MEMORY, WARM_UP } from "./conditions/baseline.js";
import { STEPS } from "./conditions/window.js";
import { RuleStates } from "./rule-states.js";

const CADENCE_MS = 1_000;
const START = 1_790_000_000;

type Level = "bad" | "good" | "between" | null;
/** What a condition says of a history, whose last sample came just now. */
type Naive = (history: readonly EvaluatedSample[]) => Level;

function sample(index: number, more: Partial<EvaluatedSample> = {}): EvaluatedSample {
  const sequenceNumber = START + index;
  const slot = sequenceNumber * CADENCE_MS;
  return { slot, sequenceNumber, status: 0, rttUs: 20_000, jitterUs: 100, phases: null, ...more };
}

const missed = { status: 1, rttUs: null, jitterUs: null } as const;

function naiveMissed({ missed, of, recovery }: Extract<AlertCondition, { kind: "missed" }>): Naive {
  return (history) => {
    if (history.slice(-of).filter(({ status }) => status === 1).length >= missed) return "bad";
    const last = history.slice(-recovery.successes);
    return last.length === recovery.successes && last.every(({ status }) => status === 0)
      ? "good"
      : "between";
  };
}

/** The samples of the window that ends with the newest one. */
function windowOf(history: readonly EvaluatedSample[], windowSeconds: number): EvaluatedSample[] {
  const stepOf = ({ slot }: EvaluatedSample) => Math.floor(slot / ((windowSeconds * 1_000) / STEPS));
  const head = Math.max(...history.map(stepOf));
  return history.filter((each) => stepOf(each) > head - STEPS);
}

function naiveLoss(rule: Extract<AlertCondition, { kind: "loss" }>): Naive {
  return (history) => {
    const window = windowOf(history, rule.windowSeconds);
    if (window.length < rule.minSamples) return "between";
    const percent = (100 * window.filter(({ status }) => status === 1).length) / window.length;
    if (percent > rule.abovePercent) return "bad";
    return percent > (rule.recovery.atMostPercent ?? rule.abovePercent) ? "between" : "good";
  };
}

function naiveLatency(rule: Extract<AlertCondition, { kind: "latency" }>): Naive {
  const of = (each: EvaluatedSample) => (rule.measure === "rtt" ? each.rttUs : each.jitterUs);
  return (all) => {
    const measured = all.filter((each) => each.status === 0 && of(each) !== null);
    if (measured.at(-1) !== all.at(-1)) return null;
    const window = windowOf(measured, rule.windowSeconds);
    if (window.length < rule.minSamples) return "between";
    const values = window.map((each) => of(each) ?? 0).sort((a, b) => a - b);
    const value = {
      avg: values.reduce((sum, each) => sum + each, 0) / values.length,
      p95: values[Math.ceil(0.95 * values.length) - 1] ?? 0,
      max: values.at(-1) ?? 0,
    }[rule.statistic];
    if (value > rule.aboveMs * 1_000) return "bad";
    return value > (rule.recovery.atMostMs ?? rule.aboveMs) * 1_000 ? "between" : "good";
  };
}

/** Trigger, recovery and hold over levels, in the plainest way. */
function naiveStates(naive: Naive, holdMs: number, samples: readonly EvaluatedSample[]): boolean[] {
  let isBad = false;
  let goodSince: number | null = null;
  const seen: EvaluatedSample[] = [];
  return samples.map((each) => {
    if (each.status === 2) return isBad;
    seen.push(each);
    const level = naive(seen);
    if (level === null) return isBad;
    if (level === "good") goodSince ??= each.slot;
    else goodSince = null;
    if (level === "bad") isBad = true;
    else if (isBad && goodSince !== null && each.slot - goodSince >= holdMs) isBad = false;
    return isBad;
  });
}

function states(condition: AlertCondition, samples: readonly EvaluatedSample[]): boolean[] {
  const rule = new RuleStates(condition);
  // Neighbours in the same arrays must not show through.
  const rows = [rule.add(false), rule.add(false), rule.add(true)];
  const row = rows[1] ?? 0;
  return samples.map((each) => {
    for (const other of rows) if (other !== row) rule.take(other, { ...each, ...missed });
    if (each.status !== 2) rule.take(row, each);
    return rule.isBad(row);
  });
}

/** Samples in the order of their slots, with gaps and with errors of ours. */
const histories = fc
  .array(
    fc.record({
      status: fc.constantFrom(0, 0, 0, 1, 1, 2),
      rttUs: fc.integer({ min: 1_000, max: 100_000 }),
      jitterUs: fc.option(fc.integer({ min: 0, max: 50_000 })),
      gap: fc.constantFrom(0, 0, 0, 0, 1, 40),
    }),
    { maxLength: 120 },
  )
  .map((entries) => {
    let index = 0;
    return entries.map(({ gap, status, ...more }) => {
      index += 1 + gap;
      return sample(index, { ...more, ...(status > 0 && missed), status });
    });
  });

const counts = fc.integer({ min: 1, max: 12 });
const windows = fc.constantFrom(10, 30, 45, 60);
const holds = fc.constantFrom(0, 0, 5, 20);

describe("the incremental evaluator says what the whole history says", () => {
  it("of N of M missed", () => {
    fc.assert(
      fc.property(histories, counts, counts, counts, (samples, a, b, successes) => {
        const condition = AlertCondition.parse({
          kind: "missed",
          missed: Math.min(a, b),
          of: Math.max(a, b),
          recovery: { successes },
        });
        if (condition.kind !== "missed") throw new Error("another kind");
        expect(states(condition, samples)).toEqual(naiveStates(naiveMissed(condition), 0, samples));
      }),
    );
  });

  it("of loss over a window", () => {
    fc.assert(
      fc.property(
        histories,
        windows,
        holds,
        fc.integer({ min: 0, max: 90 }),
        fc.integer({ min: 0, max: 90 }),
        (samples, windowSeconds, holdSeconds, a, b) => {
          const condition = AlertCondition.parse({
            kind: "loss",
            abovePercent: Math.max(a, b),
            windowSeconds,
            minSamples: 3,
            recovery: { atMostPercent: Math.min(a, b), holdSeconds },
          });
          if (condition.kind !== "loss") throw new Error("another kind");
          const naive = naiveStates(naiveLoss(condition), holdSeconds * 1_000, samples);
          expect(states(condition, samples)).toEqual(naive);
        },
      ),
    );
  });

  it("of RTT and jitter over a window", () => {
    fc.assert(
      fc.property(
        histories,
        windows,
        holds,
        fc.constantFrom("avg", "p95", "max"),
        fc.constantFrom("rtt", "jitter"),
        fc.tuple(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 100 })),
        (samples, windowSeconds, holdSeconds, statistic, measure, [a, b]) => {
          const condition = AlertCondition.parse({
            kind: "latency",
            statistic,
            measure,
            aboveMs: Math.max(a, b),
            windowSeconds,
            minSamples: 2,
            recovery: { atMostMs: Math.min(a, b), holdSeconds },
          });
          if (condition.kind !== "latency") throw new Error("another kind");
          const naive = naiveStates(naiveLatency(condition), holdSeconds * 1_000, samples);
          expect(states(condition, samples)).toEqual(naive);
        },
      ),
    );
  });
});

/** 20 ms with noise of 1 ms, from a small generator, so that every run is the same. */
const usual = (index: number) => sample(index, { rttUs: 20_000 + ((index * 7_919) % 2_000) - 1_000 });
const slow = (index: number) => sample(index, { rttUs: 60_000 });
const series = (count: number, of: (index: number) => EvaluatedSample, from = 0) =>
  Array.from({ length: count }, (_, index) => of(from + index));

describe("a deviation from the job's own baseline", () => {
  const condition = AlertCondition.parse({ kind: "baseline", factor: 5, minChangeMs: 3 });

  it("is not seen before the job has a habit", () => {
    expect(
      states(
        condition,
        series(WARM_UP - 1, (index) => (index > 30 ? slow(index) : usual(index))),
      ),
    ).not.toContain(true);
  });

  it("is seen at the third slow sample in a row, and over at the third usual one", () => {
    const samples = [...series(200, usual), ...series(5, slow, 200), ...series(5, usual, 205)];
    const found = states(condition, samples);
    expect(found.indexOf(true)).toBe(202);
    expect(found.lastIndexOf(true)).toBe(206);
  });

  it("lets an outage of fifty slow samples leave the habit as it was", () => {
    const samples = [
      ...series(300, usual),
      ...series(50, slow, 300),
      ...series(20, usual, 350),
      ...series(3, slow, 370),
    ];
    const found = states(condition, samples);
    expect(found.slice(300, 353)).toEqual([false, false, ...Array<boolean>(50).fill(true), false]);
    expect(found.at(-1)).toBe(true);
  });

  it("takes a change that stays for the new habit after a while", () => {
    const found = states(condition, [...series(300, usual), ...series(5 * MEMORY, slow, 300)]);
    expect(found[400]).toBe(true);
    expect(found.at(-1)).toBe(false);
  });

  it("calls no change unusual that is smaller than the least one", () => {
    const samples = [
      ...series(200, (index) => sample(index)),
      ...series(20, (index) => sample(index, { rttUs: 22_900 }), 200),
    ];
    expect(states(condition, samples)).not.toContain(true);
  });
});

it("a certificate is judged by the newest sample that saw it", () => {
  const condition = AlertCondition.parse({
    kind: "certificate",
    belowDays: 14,
    recovery: { atLeastDays: 30 },
  });
  const withDays = (index: number, days: number) =>
    sample(index, { phases: { handshake: 1, certificateDaysLeft: days } });
  const samples = [withDays(0, 14), withDays(1, 13), sample(2), withDays(3, 20), withDays(4, 90)];
  expect(states(condition, samples)).toEqual([false, true, true, true, false]);
});

it("p95 is above a limit when more than one in twenty samples is", () => {
  const condition = AlertCondition.parse({
    kind: "latency",
    statistic: "p95",
    aboveMs: 50,
    windowSeconds: 3_600,
    minSamples: 20,
  });
  const samples = Array.from({ length: 21 }, (_, index) =>
    sample(index, { rttUs: index === 3 || index === 20 ? 60_000 : 20_000 }),
  );
  expect(states(condition, samples).slice(-2)).toEqual([false, true]);
});
