import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MeasuredJob, type JobDefinition } from "./measured-job.js";
import { Schedule } from "./schedule.js";

const START = 1_700_000_000_000;
const SECOND = 1_000;

/** A clock that stands still until it is told otherwise. */
class TestClock {
  wall = START;
  elapsed = 0;
  now = () => this.wall;
  monotonic = () => this.elapsed;

  pass(ms: number): void {
    this.wall += ms;
    this.elapsed += ms;
  }
}

/** A schedule with everything that happened in it. */
function world() {
  const clock = new TestClock();
  const started: { jobNo: number; slot: number; at: number }[] = [];
  const skipped = new Map<number, number>();
  const exhausted: number[] = [];
  const jumps: { stepMs: number; behindMs: number }[] = [];
  const schedule = new Schedule(clock, {
    start: (job, slot) => started.push({ jobNo: job.definition.jobNo, slot, at: clock.wall }),
    skipped: ({ definition: { jobNo } }, count) => skipped.set(jobNo, (skipped.get(jobNo) ?? 0) + count),
    exhausted: (job) => exhausted.push(job.definition.jobNo),
    timeJumped: (jump) => jumps.push(jump),
  });
  return {
    clock,
    schedule,
    started,
    skipped,
    exhausted,
    jumps,
    slots: (jobNo = 1) => started.filter((each) => each.jobNo === jobNo).map(({ slot }) => slot - START),
    /** Lets time pass in ticks of some milliseconds. */
    run: (ms: number, tickMs = 5) => {
      for (let passed = 0; passed < ms; passed += tickMs) {
        clock.pass(Math.min(tickMs, ms - passed));
        schedule.tick();
      }
    },
  };
}

function job(
  cadenceMs: number,
  more: Partial<JobDefinition> = {},
  toSlot: number | null = null,
): MeasuredJob {
  return new MeasuredJob({
    id: "019aa000-0000-7000-8000-000000000000",
    jobNo: 1,
    revision: 1,
    type: "tcp",
    target: "127.0.0.1:1",
    options: { timeoutMs: 5_000, family: "auto" },
    simulation: null,
    grids: [{ fromSlot: START + 100, toSlot, cadenceMs, firstSequence: 7 }],
    endsAt: null,
    ...more,
  });
}

describe("Schedule", () => {
  it("starts every slot once, within a tick of its time, and skips none", () => {
    const { schedule, started, skipped, run, slots } = world();
    schedule.put(job(SECOND));
    run(10 * SECOND, 4);
    expect(slots()).toEqual(Array.from({ length: 10 }, (_, k) => 100 + k * SECOND));
    for (const { slot, at } of started) expect(at - slot).toBeLessThan(4);
    expect(skipped.size).toBe(0);
  });

  it("hands ICMP slots to the engine ahead of their time", () => {
    const { schedule, started, run } = world();
    schedule.put(job(SECOND, { type: "icmp" }));
    run(5 * SECOND, 1);
    // The first lies nearer than that.
    expect(started.map(({ slot, at }) => slot - at)).toEqual([99, 200, 200, 200, 200, 200]);
  });

  it("probes only the newest of several slots that a busy moment has delayed", () => {
    const { schedule, clock, skipped, slots } = world();
    schedule.put(job(100));
    clock.pass(750);
    schedule.tick();
    expect(slots()).toEqual([700]);
    expect(skipped.get(1)).toBe(6);
  });

  it("skips what a sleeping machine has missed and goes on with the next slot", () => {
    const { schedule, clock, skipped, jumps, slots, run } = world();
    schedule.put(job(SECOND));
    run(2 * SECOND);
    clock.wall += 3_600 * SECOND;
    schedule.tick();
    expect(slots()).toEqual([100, 1_100]);
    expect(skipped.get(1)).toBe(3_600);
    expect(jumps).toEqual([{ stepMs: 3_600 * SECOND, behindMs: 3_600 * SECOND }]);
    run(1_500);
    expect(slots()).toEqual([100, 1_100, 3_602_100, 3_603_100]);
  });

  it("tells a step of the clock from a process that stood still", () => {
    const { schedule, clock, jumps } = world();
    clock.pass(5 * SECOND);
    schedule.tick();
    expect(jumps).toEqual([{ stepMs: 0, behindMs: 5 * SECOND }]);
  });

  it("probes no slot twice after the clock was set back, and starts new jobs at once", () => {
    const { schedule, clock, skipped, slots, run } = world();
    schedule.put(job(SECOND));
    run(10 * SECOND);
    clock.wall -= 5 * SECOND;
    schedule.tick();
    const fresh = [{ fromSlot: START + 5 * SECOND, toSlot: null, cadenceMs: 500, firstSequence: 0 }];
    schedule.put(job(500, { jobNo: 2, grids: fresh }));
    run(7 * SECOND);
    expect(slots(2)).toHaveLength(15);
    expect(slots(2)[0]).toBe(5 * SECOND);
    expect(slots(1)).toEqual(Array.from({ length: 12 }, (_, k) => 100 + k * SECOND));
    expect(skipped.size).toBe(0);
  });

  it("measures a grid that opened a moment ago from its first slot, an older one from now", () => {
    const { schedule, clock, slots, run } = world();
    clock.pass(400);
    schedule.tick();
    schedule.put(job(10 * SECOND));
    run(10);
    expect(slots()).toEqual([100]);
    clock.pass(5 * SECOND);
    schedule.tick();
    schedule.put(job(300, { jobNo: 2 }));
    run(300);
    expect(slots(2)).toHaveLength(1);
    expect(slots(2)[0]).toBeGreaterThan(5 * SECOND);
  });

  it("goes on along the new grid after a change of the cadence", () => {
    const { schedule, slots, run } = world();
    const edited = job(SECOND);
    schedule.put(edited);
    run(2_500);
    edited.redefine({
      ...edited.definition,
      grids: [
        { fromSlot: START + 100, toSlot: START + 3_000, cadenceMs: SECOND, firstSequence: 0 },
        { fromSlot: START + 3_050, toSlot: null, cadenceMs: 200, firstSequence: 3 },
      ],
    });
    schedule.put(edited);
    run(1_000);
    expect(slots()).toEqual([100, 1_100, 2_100, 3_050, 3_250, 3_450]);
  });

  it("says when a job has no further slot, and forgets a removed one", () => {
    const { schedule, slots, exhausted, run } = world();
    schedule.put(job(SECOND, {}, START + 2_500));
    const removed = job(SECOND, { jobNo: 2 });
    schedule.put(removed);
    run(1_500);
    schedule.remove(removed);
    run(5 * SECOND);
    expect(slots(1)).toEqual([100, 1_100, 2_100]);
    expect(slots(2)).toEqual([100, 1_100]);
    expect(exhausted).toEqual([1]);
  });

  it("accounts for every slot: started or skipped, whatever the clock and the load do", () => {
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.record({ pass: fc.integer({ min: 1, max: 40 }), jump: fc.constant(0) }) },
      { weight: 2, arbitrary: fc.record({ pass: fc.integer({ min: 1, max: 3_000 }), jump: fc.constant(0) }) },
      {
        weight: 1,
        arbitrary: fc.record({ pass: fc.constant(1), jump: fc.integer({ min: -20_000, max: 90_000 }) }),
      },
    );
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 80 }),
        fc.integer({ min: 100, max: 5_000 }),
        (steps, cadence) => {
          const { schedule, clock, skipped, slots } = world();
          schedule.put(job(cadence));
          let newest = START;
          for (const { pass, jump } of steps) {
            clock.pass(pass);
            clock.wall += jump;
            newest = Math.max(newest, clock.wall);
            schedule.tick();
          }
          const due = newest < START + 100 ? 0 : Math.floor((newest - START - 100) / cadence) + 1;
          expect(slots().length + (skipped.get(1) ?? 0)).toBe(due);
          expect(new Set(slots()).size).toBe(slots().length);
        },
      ),
    );
  });
});
