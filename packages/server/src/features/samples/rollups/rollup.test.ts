import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Tally } from "../statistics.js";
import { keyRttUs, Rollup, rttKey } from "./rollup.js";

const rtt = fc.oneof(
  fc.integer({ min: 0, max: 200 }),
  fc.integer({ min: 15_000, max: 25_000 }),
  fc.integer({ min: 0, max: 2 ** 31 - 1 }),
);
const sample = fc.record({
  status: fc.constantFrom(0, 0, 0, 1, 2),
  rttUs: fc.option(rtt, { nil: Number.NaN, freq: 8 }),
  jitterUs: fc.option(rtt, { nil: Number.NaN, freq: 3 }),
});
type TestSample = typeof sample extends fc.Arbitrary<infer Value> ? Value : never;

function filled<Kind extends Tally | Rollup>(kind: Kind, samples: readonly TestSample[]): Kind {
  for (const { status, rttUs, jitterUs } of samples) kind.add(status, rttUs, jitterUs);
  return kind;
}

/** In which numbers a rollup and the samples differ by more than what histograms, and averages in microseconds, round. */
function differences(rollup: Rollup, samples: readonly TestSample[]): string[] {
  const [found, exact] = [rollup.summary(), filled(new Tally(), samples).summary()];
  // Of RTTs that are almost equal the deviation is the root of a difference of two large numbers.
  const deviation = (exact.max_rtt_us ?? 0) * 1e-7 + 50;
  const differing = {
    counts: (["sample_count", "missed_count", "system_error_count"] as const).some(
      (key) => found[key] !== exact[key],
    ),
    extremes: (["min_rtt_us", "max_rtt_us", "max_jitter_us"] as const).some(
      (key) => found[key] !== exact[key],
    ),
    average: !isWithin(found.avg_rtt_us, exact.avg_rtt_us, 1e-9, 0.5),
    jitter: !isWithin(found.avg_jitter_us, exact.avg_jitter_us, 1e-9, 0.5),
    deviation: !isWithin(found.stddev_rtt_us, exact.stddev_rtt_us, 1e-6, deviation),
    p50: !isWithin(found.p50_p99_rtt_us?.[0], exact.p50_p99_rtt_us?.[0], 0.01, 0),
    p95: !isWithin(found.p95_rtt_us, exact.p95_rtt_us, 0.01, 0),
    p99: !isWithin(found.p50_p99_rtt_us?.[1], exact.p50_p99_rtt_us?.[1], 0.01, 0),
  };
  return Object.entries(differing).flatMap(([name, differs]) => (differs ? [name] : []));
}

type Value = number | null | undefined;

function isWithin(found: Value, exact: Value, relative: number, absolute: number): boolean {
  if (typeof found !== "number" || typeof exact !== "number") return (found ?? null) === (exact ?? null);
  return Math.abs(found - exact) <= exact * relative + absolute;
}

describe("a rollup", () => {
  test("puts every RTT within 1 % of what stands for its key", () => {
    fc.assert(
      fc.property(rtt, (rttUs) => {
        expect(isWithin(keyRttUs(rttKey(rttUs)), rttUs, 0.01, 0)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
    expect(rttKey(2 ** 31 - 1)).toBeLessThan(2_048);
  });

  test("has the numbers of its samples, percentiles within 1 %", () => {
    fc.assert(
      fc.property(fc.array(sample), (samples) => {
        expect(differences(filled(new Rollup(), samples), samples)).toEqual([]);
      }),
    );
  });

  test("of samples that are added at once is that of the same one by one", () => {
    fc.assert(
      fc.property(fc.array(sample), fc.array(sample), (before, samples) => {
        const jitters = samples.map(({ jitterUs }) => jitterUs).filter((jitterUs) => !Number.isNaN(jitterUs));
        const rollup = filled(new Rollup(), before);
        rollup.addBulk({
          samples: samples.length,
          missed: samples.filter(({ status }) => status === 1).length,
          systemErrors: samples.filter(({ status }) => status === 2).length,
          rttsUs: samples.flatMap(({ status, rttUs }) =>
            status === 0 && !Number.isNaN(rttUs) ? [rttUs] : [],
          ),
          jitters: jitters.length,
          jitterSumUs: jitters.reduce((sum, jitterUs) => sum + jitterUs, 0),
          jitterMaxUs: Math.max(...jitters),
        });
        expect(differences(rollup, [...before, ...samples])).toEqual([]);
      }),
    );
  });

  test("of parts that are merged, in any order, is that of the whole", () => {
    const parts = fc.array(fc.array(sample, { maxLength: 20 }), { maxLength: 8 });
    fc.assert(
      fc.property(parts, fc.boolean(), (parts, isReversed) => {
        const whole = new Rollup();
        for (const part of isReversed ? parts.toReversed() : parts) whole.merge(filled(new Rollup(), part));
        expect(differences(whole, parts.flat())).toEqual([]);
      }),
    );
  });

  test("is what it was after it was stored", () => {
    const buckets = fc.array(fc.array(sample, { minLength: 1, maxLength: 30 }), { maxLength: 12 });
    fc.assert(
      fc.property(buckets, (buckets) => {
        const blocks = buckets.flatMap((samples, number) => filled(new Rollup(), samples).toBlock(number));
        expect(blocks).toEqual([...Int32Array.from(blocks)]);
        const read = Rollup.ofBlocks(blocks);
        expect(read.map(({ number }) => number)).toEqual(buckets.map((_, number) => number));
        expect(read.flatMap(({ number, rollup }) => differences(rollup, buckets[number] ?? []))).toEqual([]);
      }),
    );
  });
});
