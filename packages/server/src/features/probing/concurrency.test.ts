import { describe, expect, it } from "vitest";
import { eventually } from "../../../test/harness.js";
import { systemClock } from "../../platform/clock.js";
import { ConcurrencyLimit } from "./concurrency.js";

/** Probes that run until they are told to end, and what became of each. */
function probes(limit: ConcurrencyLimit) {
  const running: (() => void)[] = [];
  const outcomes = { started: 0, expired: 0, dropped: 0, most: 0 };
  return {
    outcomes,
    submit: (count: number, timeoutMs = 10_000) => {
      for (let index = 0; index < count; index += 1) {
        limit.submit({
          deadline: systemClock.monotonic() + timeoutMs,
          run: () => {
            outcomes.started += 1;
            outcomes.most = Math.max(outcomes.most, limit.active);
            return new Promise((resolve) => running.push(resolve));
          },
          expire: () => (outcomes.expired += 1),
          drop: () => (outcomes.dropped += 1),
        });
      }
    },
    endAll: () => running.splice(0).forEach((end) => end()),
  };
}

describe("ConcurrencyLimit", () => {
  it("never runs more than a fixed limit, in the order they came", async () => {
    const limit = new ConcurrencyLimit(systemClock, 3);
    const { submit, endAll, outcomes } = probes(limit);
    submit(10);
    expect(limit.active).toBe(3);
    expect(limit.waiting).toBe(7);
    await eventually(() => {
      endAll();
      expect(outcomes.started).toBe(10);
    });
    expect(outcomes.most).toBe(3);
    expect(limit.limit).toBe(3);
  });

  it("starts at 50 and rises while probes wait, up to its maximum", async () => {
    const limit = new ConcurrencyLimit(systemClock, undefined, 400);
    const { submit, outcomes } = probes(limit);
    submit(300);
    expect(limit.active).toBe(50);
    await eventually(() => expect(limit.active).toBe(300));
    submit(300);
    await eventually(() => expect(limit.limit).toBe(400));
    expect(limit.active).toBe(400);
    expect(limit.waiting).toBe(200);
    expect(outcomes.expired).toBe(0);
  });

  it("gives up a probe that could not start before its timeout", async () => {
    const limit = new ConcurrencyLimit(systemClock, 1);
    const { submit, endAll, outcomes } = probes(limit);
    submit(1);
    submit(2, 30);
    submit(1);
    await eventually(() => expect(outcomes.expired).toBe(2));
    endAll();
    await eventually(() => expect(outcomes.started).toBe(2));
  });

  it("drops what waits when it is cleared", () => {
    const limit = new ConcurrencyLimit(systemClock, 1);
    const { submit, outcomes } = probes(limit);
    submit(4);
    limit.clear();
    expect(outcomes).toMatchObject({ started: 1, dropped: 3 });
    expect(limit.waiting).toBe(0);
  });
});
