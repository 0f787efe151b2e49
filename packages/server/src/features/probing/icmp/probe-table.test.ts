import { expect, test } from "vitest";
import { ProbeState, ProbeTable, STRAY_WINDOW_MS } from "./probe-table.js";

test("an ended probe keeps its slot for the stray window", () => {
  const table = new ProbeTable(8);
  const first = table.take(0);
  table.end(first, ProbeState.answered, 0);
  expect(table.take(STRAY_WINDOW_MS - 1)).not.toBe(first);
  expect(table.take(STRAY_WINDOW_MS)).toBe(first);
});

test("a full table reuses the slot that ended longest ago, and refuses when all are active", () => {
  const table = new ProbeTable(3);
  const [a, b, c] = [table.take(0), table.take(0), table.take(0)];
  expect(table.take(0)).toBe(-1);
  for (const slot of [b, a, c]) table.end(slot, ProbeState.unanswered, 1);
  expect([table.take(2), table.take(2), table.take(2), table.take(2)]).toEqual([b, a, c, -1]);
  expect(table.active).toBe(3);
});

test("a sequence names the latest probe that was sent with it", () => {
  const table = new ProbeTable(4);
  const slot = table.take(0);
  const number = table.assignNumber(slot);
  expect(table.slotOfSequence(number & 0xffff)).toBe(slot);
  expect(table.slotOfSequence((number + 1) & 0xffff)).toBe(-1);
  // The slot has been used again under another number.
  table.assignNumber(slot);
  expect(table.slotOfSequence(number & 0xffff)).toBe(-1);
});

test("every probe has a secret of its own, also one that takes the slot of another", () => {
  const table = new ProbeTable(1);
  const slot = table.take(0);
  const secrets = Array.from({ length: 5_000 }, () => {
    table.assignNumber(slot);
    return table.secret[slot];
  });
  // Of 5,000 random words two are equal once in 340 times; ten are not, and a counter has no word of the upper half.
  expect(new Set(secrets).size).toBeGreaterThan(4_990);
  expect(secrets.filter((secret) => (secret ?? 0) >= 2 ** 31).length).toBeGreaterThan(2_000);
});
