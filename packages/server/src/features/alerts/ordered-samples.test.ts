import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EvaluatedSample } from "./conditions/index.js";
import { OrderedSamples } from "./ordered-samples.js";

const CADENCE_MS = 1_000;
const PATIENCE_MS = 5_000;
const START = 1_790_000_000;

const sample = (index: number, status: 0 | 1 = 0): EvaluatedSample => ({
  slot: (START + index) * CADENCE_MS,
  sequenceNumber: START + index,
  status,
  rttUs: null,
  jitterUs: null,
  phases: null,
});

/** What is passed on when results come as told: index, and how long after its slot. */
function passed(told: readonly (readonly [index: number, afterMs: number])[]): number[] {
  const order: number[] = [];
  const samples = new OrderedSamples(PATIENCE_MS, ({ sequenceNumber }) => order.push(sequenceNumber - START));
  for (const [index, afterMs] of told) samples.add(sample(index), sample(index).slot + afterMs);
  return order;
}

describe("samples", () => {
  it("are passed on at once while none is missing", () => {
    expect(
      passed([
        [0, 20],
        [1, 20],
        [2, 20],
      ]),
    ).toEqual([0, 1, 2]);
  });

  it("wait for one before them, and go on with it", () => {
    expect(
      passed([
        [0, 20],
        [2, 20],
        [3, 20],
      ]),
    ).toEqual([0]);
    expect(
      passed([
        [0, 20],
        [2, 20],
        [3, 20],
        [1, 4_000],
      ]),
    ).toEqual([0, 1, 2, 3]);
  });

  it("do not wait for one that never comes", () => {
    expect(
      passed([
        [0, 20],
        [2, 20],
        [3, 20],
        [4, 20],
        [5, 20],
      ]),
    ).toEqual([0]);
    expect(
      passed([
        [0, 20],
        [2, 20],
        [3, 20],
        [4, 20],
        [5, 20],
        [6, 20],
      ]),
    ).toEqual([0, 2, 3, 4, 5, 6]);
    // A gap of an hour is long over when the next sample comes.
    expect(
      passed([
        [0, 20],
        [3_600, 20],
      ]),
    ).toEqual([0]);
    expect(
      passed([
        [0, 20],
        [3_600, 4_500],
      ]),
    ).toEqual([0, 3_600]);
  });

  it("come in the order of their slots, each once, in whatever order results come within the time they have", () => {
    const results = fc.array(
      fc.record({
        afterMs: fc.integer({ min: 1, max: PATIENCE_MS - 1 }),
        isRepeated: fc.boolean(),
        isThere: fc.boolean(),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(results, (entries) => {
        const told = entries.flatMap(({ afterMs, isRepeated, isThere }, index) => {
          if (!isThere && index > 0) return [];
          const one = { index, atMs: index * CADENCE_MS + (index === 0 ? 0 : afterMs) };
          return isRepeated ? [one, { index, atMs: one.atMs + 2_000 }] : [one];
        });
        const order: number[] = [];
        const samples = new OrderedSamples(PATIENCE_MS, ({ sequenceNumber }) =>
          order.push(sequenceNumber - START),
        );
        for (const { index, atMs } of told.toSorted((a, b) => a.atMs - b.atMs)) {
          samples.add(sample(index), START * CADENCE_MS + atMs);
        }
        // Much later, nothing waits any more.
        const last = entries.length + 100;
        samples.add(sample(last), sample(last).slot + PATIENCE_MS);
        const expected = [...new Set(told.map(({ index }) => index)), last].sort((a, b) => a - b);
        expect(order).toEqual(expected);
      }),
    );
  });

  it("that wait are bounded", () => {
    const order: number[] = [];
    const samples = new OrderedSamples(Infinity, ({ sequenceNumber }) => order.push(sequenceNumber));
    for (let index = 0; index < 5_000; index += 2) samples.add(sample(index), 0);
    expect(order.length).toBeGreaterThan(1_000);
  });
});
