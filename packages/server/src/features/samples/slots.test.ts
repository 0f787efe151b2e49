import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { countSlots, type Grid } from "../jobs/index.js";
import { cutIntoBuckets } from "./buckets.js";
import { hourOf } from "./partitions.js";
import { newestSpans, runsOf, type Span, spansBetween, startOfNewest } from "./slots.js";

const START = Date.UTC(2026, 0, 1);
const HORIZON_MS = 6 * 3_600_000;

/** Grids one after the other, with or without a pause between, the last one open or not. */
const grids = fc
  .array(
    fc.record({
      cadenceMs: fc.constantFrom(7_000, 10_000, 60_000, 300_000, 5_400_000),
      pauseMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 7_200_000 })),
      slots: fc.integer({ min: 1, max: 400 }),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .chain((stretches) => fc.record({ stretches: fc.constant(stretches), isOpen: fc.boolean() }))
  .map(({ stretches, isOpen }): Grid[] => {
    let at = START;
    let sequence = 0;
    return stretches.map(({ cadenceMs, pauseMs, slots }, index) => {
      const fromSlot = at + pauseMs;
      at = fromSlot + slots * cadenceMs;
      const firstSequence = sequence;
      sequence += slots;
      const isLast = index === stretches.length - 1;
      return { fromSlot, toSlot: isLast && isOpen ? null : at, cadenceMs, firstSequence };
    });
  });

const windows = fc
  .tuple(fc.integer({ min: -HORIZON_MS, max: 8 * HORIZON_MS }), fc.integer({ min: 1, max: 4 * HORIZON_MS }))
  .map(([offset, length]) => ({ from: START + offset, to: START + offset + length }));

/** The slots of the window by walking each grid from its beginning. */
function everySlot(all: readonly Grid[], from: number, to: number): number[] {
  return all.flatMap((grid) => {
    const slots: number[] = [];
    for (let slot = grid.fromSlot; slot < Math.min(grid.toSlot ?? to, to); slot += grid.cadenceMs) {
      if (slot >= from) slots.push(slot);
    }
    return slots;
  });
}

const slotsOf = (spans: readonly Span[]) =>
  spans.flatMap(({ first, last, step }) =>
    Array.from({ length: (last - first) / step + 1 }, (_, index) => first + index * step),
  );

const hoursOf = (slots: readonly number[]) => new Set(slots.map(hourOf));

describe("the slots of a window", () => {
  test("are found once each, in spans of one hour", () => {
    fc.assert(
      fc.property(grids, windows, (all, { from, to }) => {
        const slots = everySlot(all, from, to);
        const spans = spansBetween(all, from, to, hoursOf(slots));
        expect(slotsOf(spans)).toEqual(slots);
        for (const span of spans) expect(hourOf(span.first)).toBe(hourOf(span.last));
        expect(countSlots(all, from, to)).toBe(slots.length);
      }),
    );
  });

  test("are walked newest first in steps of any size, hours without a partition left out", () => {
    const args = [grids, windows, fc.integer({ min: 1, max: 300 }), fc.integer({ min: 0, max: 3 })] as const;
    fc.assert(
      fc.property(...args, (all, { from, to }, count, skip) => {
        const slots = everySlot(all, from, to);
        const hours = new Set([...hoursOf(slots)].filter((hour) => (hour / 3_600_000) % 4 !== skip));
        const walked: number[] = [];
        for (let end: number | null = to; end !== null;) {
          const { spans, leftTo } = newestSpans(all, from, end, count, hours);
          const found = slotsOf(spans).sort((a, b) => b - a);
          expect(leftTo === null ? found.length <= count : found.length === count).toBe(true);
          walked.push(...found);
          end = leftTo;
        }
        expect(walked).toEqual(slots.filter((slot) => hours.has(hourOf(slot))).toReversed());
      }),
    );
  });

  test("are bounded to the newest", () => {
    fc.assert(
      fc.property(grids, windows, fc.integer({ min: 1, max: 500 }), (all, { from, to }, count) => {
        const start = startOfNewest(all, from, to, count);
        expect(everySlot(all, start, to)).toEqual(everySlot(all, from, to).slice(-count));
      }),
    );
  });
});

describe("the points of a chart", () => {
  test("hold each slot of the window once, in order, and are no more than asked for", () => {
    fc.assert(
      fc.property(grids, windows, fc.integer({ min: 1, max: 500 }), (all, window, maxCount) => {
        const { resolution, buckets } = cutIntoBuckets(all, window, maxCount);
        expect(buckets.length).toBeLessThanOrEqual(maxCount);
        const slots = everySlot(all, window.from, window.to);
        const held = buckets.map(({ from, to }) => slots.filter((slot) => slot >= from && slot < to));
        expect(held.flat()).toEqual(slots);
        buckets.forEach((bucket, index) => {
          expect(bucket.from).toBeLessThan(bucket.to);
          expect(bucket.from).toBeGreaterThanOrEqual(buckets[index - 1]?.to ?? window.from);
          expect(bucket.to).toBeLessThanOrEqual(window.to);
          const slotsInside = bucket.isRunning ? held[index] : [];
          expect(resolution === "raw" && bucket.isRunning ? [bucket.from] : slotsInside).toEqual(held[index]);
        });
      }),
    );
  });

  test("have one empty point for each pause between them, so that a line breaks there", () => {
    const all: Grid[] = [
      { fromSlot: START, toSlot: START + 10_000, cadenceMs: 1_000, firstSequence: 0 },
      { fromSlot: START + 10_500, toSlot: START + 20_500, cadenceMs: 2_000, firstSequence: 10 },
      { fromSlot: START + 60_500, toSlot: null, cadenceMs: 2_000, firstSequence: 15 },
    ];
    expect(runsOf(all)).toEqual([
      { from: START, to: START + 20_500 },
      { from: START + 60_500, to: Infinity },
    ]);
    const window = { from: START - 50_000, to: START + 70_000 };
    for (const maxCount of [500, 10]) {
      const pauses = cutIntoBuckets(all, window, maxCount).buckets.filter(({ isRunning }) => !isRunning);
      expect(pauses).toHaveLength(1);
    }
  });

  test("stay where they are when the window moves", () => {
    const all: Grid[] = [{ fromSlot: START, toSlot: null, cadenceMs: 1_000, firstSequence: 0 }];
    const boundaries = (from: number) =>
      cutIntoBuckets(all, { from, to: from + 3_600_000 }, 500)
        .buckets.slice(1)
        .map((bucket) => bucket.from);
    const before = boundaries(START + 7_654_321);
    const after = boundaries(START + 7_754_321);
    expect(cutIntoBuckets(all, { from: START, to: START + 3_600_000 }, 500).resolution).toBe("10s");
    expect(after.slice(0, 300)).toEqual(before.slice(10, 310));
  });
});
