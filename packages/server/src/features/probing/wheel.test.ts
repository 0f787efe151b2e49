import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TimingWheel } from "./wheel.js";

const START = 1_700_000_000_123;
const MINUTE = 60_000;
const DAY = 86_400_000;

/** What the wheel promises, written as plainly as possible. */
class NaiveWheel {
  time = START;
  #entries = new Map<number, { dueAt: number; at: number }>();

  get size(): number {
    return this.#entries.size;
  }

  get earliest(): number {
    return Math.min(Infinity, ...[...this.#entries.values()].map(({ at }) => at));
  }

  schedule(entry: number, dueAt: number): void {
    this.#entries.set(entry, { dueAt, at: Math.max(dueAt, this.time + 1) });
  }

  remove(entry: number): void {
    this.#entries.delete(entry);
  }

  restart(now: number): void {
    this.time = now;
    for (const [entry, { dueAt }] of this.#entries) this.schedule(entry, dueAt);
  }

  advance(now: number, fire: (entry: number, dueAt: number) => void): void {
    while (this.earliest <= now) {
      this.time = this.earliest;
      const due = [...this.#entries].filter(([, { at }]) => at === this.time);
      for (const [entry] of due) this.#entries.delete(entry);
      for (const [entry, { dueAt }] of due) fire(entry, dueAt);
    }
    this.time = Math.max(this.time, now);
  }
}

/** Delays that cross every border of the wheel's levels. */
const delay = fc.oneof(
  fc.integer({ min: -50, max: 50 }),
  fc.integer({ min: 1_000, max: 1_050 }),
  fc.integer({ min: 0, max: 3_000 }),
  fc.integer({ min: 1_047_000, max: 1_050_000 }),
  fc.integer({ min: 0, max: 2 * DAY }),
  fc.integer({ min: 12 * DAY, max: 40 * DAY }),
);
const entry = fc.oneof(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 8, max: 200 }));
const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("schedule" as const), entry, delay }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("remove" as const), entry }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("advance" as const), delay }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const), delay }) },
);

describe("TimingWheel", () => {
  it("fires the same entries at the same advances, in order of time, as a sorted list would", () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 120 }), (operations) => {
        const wheel = new TimingWheel(START);
        const naive = new NaiveWheel();
        let now = START;
        const fired: Fired[][] = [];
        const expected: Fired[][] = [];
        for (const operation of operations) {
          if (operation.kind === "schedule") {
            for (const each of [wheel, naive]) each.schedule(operation.entry, now + operation.delay);
          } else if (operation.kind === "remove") {
            for (const each of [wheel, naive]) each.remove(operation.entry);
          } else if (operation.kind === "restart") {
            now += operation.delay;
            for (const each of [wheel, naive]) each.restart(now);
          } else {
            const from = now;
            now = Math.max(now, now + operation.delay);
            fired.push(collect(wheel, from, now));
            expected.push(collect(naive, from, now));
          }
          expect(wheel.size).toBe(naive.size);
          expect(wheel.nextAt()).toBeLessThanOrEqual(naive.earliest);
        }
        expect(fired).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it("keeps many periodic entries on their grid, without missing or doubling a slot", () => {
    const wheel = new TimingWheel(START);
    const cadences = [100, 333, 1_000, 1_024, 10_000, 61_000, 20 * MINUTE];
    const expected = new Map<number, number>();
    for (const [entry, cadence] of cadences.entries()) wheel.schedule(entry, START + cadence);
    const end = START + 90 * MINUTE;
    let wrong = 0;
    for (let now = START; now <= end; now += 997) {
      wheel.advance(now, (entry, dueAt) => {
        const cadence = cadences[entry] ?? 0;
        if (dueAt > now || dueAt !== (expected.get(entry) ?? START) + cadence) wrong += 1;
        expected.set(entry, dueAt);
        wheel.schedule(entry, dueAt + cadence);
      });
    }
    expect(wrong).toBe(0);
    for (const [entry, cadence] of cadences.entries()) {
      expect(expected.get(entry)).toBeGreaterThan(end - 997 - cadence);
    }
  });

  it("lets a firing entry remove another one that is due at the same millisecond", () => {
    const wheel = new TimingWheel(START);
    for (const entry of [0, 1, 2]) wheel.schedule(entry, START + 5);
    const fired: number[] = [];
    wheel.advance(START + 10, (entry) => {
      fired.push(entry);
      for (const other of [0, 1, 2]) wheel.remove(other);
    });
    expect(fired).toHaveLength(1);
    expect(wheel.size).toBe(0);
    expect(wheel.nextAt()).toBe(Infinity);
  });

  it("fires what is scheduled into the past while firing at the next millisecond, not in a loop", () => {
    const wheel = new TimingWheel(START);
    wheel.schedule(0, START + 1);
    let count = 0;
    wheel.advance(START + 10, () => {
      count += 1;
      wheel.schedule(0, START - 100);
    });
    expect(count).toBe(10);
  });

  it("goes on where it was stopped, with what was scheduled meanwhile", () => {
    const wheel = new TimingWheel(START);
    for (const entry of [0, 1, 2]) wheel.schedule(entry, START + 5 + entry);
    const fired: number[] = [];
    const fire = (entry: number) => fired.push(entry);
    wheel.advance(START + 100, fire, () => fired.length < 2);
    expect(fired).toEqual([0, 1]);
    wheel.schedule(3, START + 5);
    wheel.schedule(4, START + 1_030);
    wheel.advance(START + 100, fire);
    expect(fired.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3]);
    wheel.advance(START + 1_030, fire);
    expect(fired.at(-1)).toBe(4);
  });

  it("does not touch idle entries while time passes", () => {
    const wheel = new TimingWheel(START);
    for (let entry = 0; entry < 50_000; entry += 1) wheel.schedule(entry, START + 30 * DAY + entry);
    // Nothing lies in the fine levels: ten million milliseconds pass in a handful of steps.
    let steps = 0;
    for (let at = wheel.nextAt(); at < START + 2 * DAY; at = wheel.nextAt()) {
      wheel.advance(at, () => expect.unreachable());
      steps += 1;
    }
    expect(steps).toBeLessThan(5);
  });
});

interface Fired {
  entry: number;
  at: number;
}

/** Periodic entries, whose next turn falls on each side of every border. */
const PERIODS = [1, 7, 1_023, 1_024, 1_025, 1_048_575, 1_048_576, 1_048_577];
/** Turns of a periodic entry in one advance, which may be 40 days long. */
const MOST_TURNS = 5;

/**
 * What fires on the way from `from` to `now`, with the times at which it was due; entries of one millisecond in order of
 * their number. Some entries are scheduled again while they fire.
 */
function collect(wheel: Pick<TimingWheel, "advance" | "schedule">, from: number, now: number): Fired[] {
  const fired: Fired[] = [];
  const turns = new Map<number, number>();
  wheel.advance(now, (entry, dueAt) => {
    fired.push({ entry, at: Math.max(dueAt, from + 1) });
    const turn = (turns.get(entry) ?? 0) + 1;
    turns.set(entry, turn);
    const period = PERIODS[entry];
    if (period !== undefined && turn <= MOST_TURNS) wheel.schedule(entry, Math.max(dueAt, from) + period);
  });
  return inRuns(fired);
}

/** Sorts only within runs of equal time, so that a wrong order of times stays visible. */
function inRuns(fired: Fired[]): Fired[] {
  const run = fired.findIndex(({ at }) => at !== fired[0]?.at);
  const end = run === -1 ? fired.length : run;
  if (end === 0) return [];
  return [...fired.slice(0, end).sort((a, b) => a.entry - b.entry), ...inRuns(fired.slice(end))];
}
