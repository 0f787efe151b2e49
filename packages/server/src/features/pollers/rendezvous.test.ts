import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BUCKETS, bucketOf, type BucketSet, emptyBuckets, hasBucket, isCovered } from "./buckets.js";
import { ownedBuckets } from "./rendezvous.js";

const members = (maxLength: number, minLength = 1) => fc.uniqueArray(fc.uuid(), { minLength, maxLength });
const all = Array.from({ length: BUCKETS }, (_, bucket) => bucket);
const owners = (ids: readonly string[]) => {
  const sets = new Map(ids.map((id) => [id, ownedBuckets(id, ids)]));
  return all.map((bucket) => ids.filter((id) => hasBucket(sets.get(id) ?? emptyBuckets(), bucket)));
};

const of = (...bytes: number[]): BucketSet => Buffer.from(bytes);

describe("rendezvous hashing", () => {
  it("gives each bucket to exactly one member, in whatever order they are named", () => {
    fc.assert(
      fc.property(members(6), (ids) => {
        const owned = owners(ids);
        expect(owned.every((of) => of.length === 1)).toBe(true);
        expect(owners(ids.toReversed())).toEqual(owned);
      }),
      { numRuns: 20, endOnFailure: true },
    );
  });

  it("moves nothing but the buckets of the member that comes or goes", () => {
    fc.assert(
      fc.property(members(6, 2), (ids) => {
        const [gone, ...staying] = ids;
        const [before, after] = [owners(ids), owners(staying)];
        const moved = all.filter((bucket) => before[bucket]?.[0] !== after[bucket]?.[0]);
        expect(moved.every((bucket) => before[bucket]?.[0] === gone)).toBe(true);
      }),
      { numRuns: 20, endOnFailure: true },
    );
  });

  // Of 8,192 buckets each of five gets 1,638 with a standard deviation of 36: 10 % is 4.5 of these. The seed is fixed, as
  // once in ten thousand times somebody does lie further off.
  it("gives each of up to five members its part of 100,000 jobs within 10 %", () => {
    fc.assert(
      fc.property(members(5), fc.integer({ min: 1, max: 1_000_000 }), (ids, firstJob) => {
        const jobs = new Uint32Array(BUCKETS);
        for (let index = 0; index < 100_000; index += 1) {
          const bucket = bucketOf(firstJob + index);
          jobs[bucket] = (jobs[bucket] ?? 0) + 1;
        }
        for (const id of ids) {
          const set = ownedBuckets(id, ids);
          const share =
            jobs.reduce((sum, count, bucket) => sum + (hasBucket(set, bucket) ? count : 0), 0) / 100_000;
          expect(Math.abs(share * ids.length - 1)).toBeLessThan(0.1);
        }
      }),
      { numRuns: 30, seed: 8, endOnFailure: true },
    );
  });
});

describe("sets of buckets", () => {
  it("are covered by others when these have each of their buckets", () => {
    expect(isCovered(of(0b1010, 1), [of(0b1000, 0), of(0b0011, 1)])).toBe(true);
    expect(isCovered(of(0b1010, 1), [of(0b1000, 1)])).toBe(false);
    expect(isCovered(of(0, 0), [])).toBe(true);
  });

  it("spread jobs evenly, whichever numbers they have", () => {
    for (const step of [1, 2, 3, 10, 64, 1_000, 4_096]) {
      const counts = new Uint32Array(16);
      for (let index = 0; index < 16_000; index += 1) {
        const coarse = bucketOf(1 + index * step) >> 9;
        counts[coarse] = (counts[coarse] ?? 0) + 1;
      }
      expect(Math.max(...counts) / 1_000, `step ${step}`).toBeLessThan(1.15);
    }
  });
});
