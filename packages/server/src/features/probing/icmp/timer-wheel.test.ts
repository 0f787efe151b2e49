import fc from "fast-check";
import { expect, test } from "vitest";
import { TimerWheel, WHEEL_TICKS } from "./timer-wheel.js";

const always = (): boolean => true;
const ascending = (one: number, other: number): number => one - other;

test("fires each timer at its tick, whatever is added, removed and advanced around it", () => {
  const command = fc.oneof(
    fc.record({
      kind: fc.constant("add" as const),
      id: fc.nat(19),
      ahead: fc.integer({ min: -3, max: 70_000 }),
    }),
    fc.record({ kind: fc.constant("remove" as const), id: fc.nat(19) }),
    fc.record({ kind: fc.constant("advance" as const), by: fc.nat(40_000) }),
  );
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
      let now = 1_000;
      const wheel = new TimerWheel(20, now);
      const dueAt = new Map<number, number>();
      const fired: number[] = [];
      const expected: number[] = [];
      for (const step of commands) {
        if (step.kind === "add" && !dueAt.has(step.id)) {
          // Firing is never early, late only when the tick had passed; too far ahead counts as the wheel's horizon.
          dueAt.set(step.id, Math.min(Math.max(now + step.ahead, now), now + WHEEL_TICKS - 1));
          wheel.add(step.id, now + step.ahead);
        } else if (step.kind === "remove") {
          dueAt.delete(step.id);
          wheel.remove(step.id);
        } else if (step.kind === "advance") {
          const until = now + step.by;
          wheel.advance(until, always, (id) => fired.push(id));
          const due = [...dueAt].filter(([, tick]) => tick <= until).map(([id]) => id);
          expected.push(...due.sort(ascending));
          // Within one advance the order is not stated.
          fired.push(...fired.splice(expected.length - due.length).sort(ascending));
          for (const id of due) dueAt.delete(id);
          now = until + 1;
        }
        expect(wheel.size).toBe(dueAt.size);
      }
      expect(fired).toEqual(expected);
    }),
  );
});

test("goes on where it was stopped", () => {
  const wheel = new TimerWheel(3, 0);
  for (const id of [0, 1, 2]) wheel.add(id, 5 + id);
  const fired: number[] = [];
  wheel.advance(
    100,
    () => fired.length < 2,
    (id) => fired.push(id),
  );
  expect(fired).toEqual([0, 1]);
  wheel.advance(100, always, (id) => fired.push(id));
  expect(fired).toEqual([0, 1, 2]);
});
