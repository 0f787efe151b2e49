import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RateLimiter } from "./limits.js";

/** A clock that a test moves by hand. */
function handClock(now = 1_000) {
  return {
    now: () => now,
    monotonic: () => now,
    advance: (ms: number) => {
      now += ms;
    },
  };
}

describe("a rate limiter", () => {
  it("admits its count at once and then refuses, saying when to come back", () => {
    const clock = handClock();
    const limiter = new RateLimiter({ count: 4, perMs: 1_000 }, clock);
    const results = Array.from({ length: 5 }, () => limiter.consume("a"));
    expect(results.map((result) => result.allowed)).toEqual([true, true, true, true, false]);
    expect(results.map((result) => result.remaining)).toEqual([3, 2, 1, 0, 0]);
    expect(results[4]?.retryAfterMs).toBeCloseTo(250);
    clock.advance(250);
    expect(limiter.consume("a").allowed).toBe(true);
    expect(limiter.consume("a").allowed).toBe(false);
  });

  it("admits a steady stream at exactly its rate for ever", () => {
    const clock = handClock();
    const limiter = new RateLimiter({ count: 100, perMs: 1_000 }, clock);
    for (let call = 0; call < 5_000; call += 1) {
      expect(limiter.consume("a").allowed).toBe(true);
      clock.advance(10);
    }
  });

  it("never admits more than its count plus what time gave back", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 200 }),
        (count, pauses) => {
          const clock = handClock();
          const limiter = new RateLimiter({ count, perMs: 1_000 }, clock);
          let admitted = 0;
          let elapsed = 0;
          for (const pause of pauses) {
            clock.advance(pause);
            elapsed += pause;
            if (limiter.consume("a").allowed) admitted += 1;
          }
          expect(admitted).toBeLessThanOrEqual(count + (elapsed * count) / 1_000 + 1e-6);
        },
      ),
    );
  });

  it("counts keys apart, gives back and resets", () => {
    const limiter = new RateLimiter({ count: 1, perMs: 1_000 }, handClock());
    expect(limiter.consume("a").allowed).toBe(true);
    expect(limiter.consume("b").allowed).toBe(true);
    limiter.giveBack("a");
    expect(limiter.consume("a").allowed).toBe(true);
    expect(limiter.consume("a").allowed).toBe(false);
    limiter.reset("a");
    expect(limiter.consume("a").allowed).toBe(true);
  });

  it("holds a bounded number of keys and forgets those that are whole again", () => {
    const clock = handClock();
    const limiter = new RateLimiter({ count: 2, perMs: 1_000 }, clock);
    for (let key = 0; key < 50_000; key += 1) limiter.consume(`address ${key}`);
    expect(limiter.size).toBeLessThanOrEqual(10_001);
    expect(limiter.consume("one more").allowed).toBe(false); // Newcomers share what is left.
    clock.advance(120_000);
    expect(limiter.consume("one more").allowed).toBe(true);
    expect(limiter.size).toBe(1);
  });
});
