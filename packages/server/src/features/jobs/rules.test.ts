import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Grid, sequenceOf } from "./grid.js";
import { CHANGE_LEAD_MS, decide, editGrid, firstGrid, type GridChange, type JobState } from "./rules.js";

const now = 1_800_000_000_000;
const pending: JobState = {
  id: "0190a0a0-0000-7000-8000-000000000001",
  status: "pending",
  cadenceMs: 10_000,
  durationSeconds: null,
  startedAt: null,
  endsAt: null,
  grid: null,
};

function started(job: JobState, at: number): JobState {
  return { ...job, status: "running", ...firstGrid(job, at) };
}

/** The job's stretches after a change, as the database would keep them. */
function apply(grids: Grid[], change: GridChange): Grid[] {
  const { end, open } = change;
  const at = end === "keep" ? Infinity : (end.at ?? Infinity);
  const kept = grids
    .filter(({ fromSlot }) => fromSlot < at)
    .map((one) => (one.toSlot !== null && one.toSlot > at ? { ...one, toSlot: at } : one));
  const latest = kept.at(-1);
  if (end !== "keep" && latest !== undefined && latest.fromSlot === grids.at(-1)?.fromSlot) {
    kept.splice(-1, 1, { ...latest, toSlot: end.at });
  }
  return open === null ? kept : [...kept, open];
}

describe("the life of a job", () => {
  it("starts at its first slot and ends after its duration", () => {
    const { grid, startedAt, endsAt } = firstGrid({ ...pending, durationSeconds: 60 }, now);
    expect(grid.fromSlot).toBeGreaterThanOrEqual(now);
    expect(grid.fromSlot).toBeLessThan(now + pending.cadenceMs);
    expect(startedAt).toBe(grid.fromSlot);
    expect(endsAt).toBe(startedAt + 60_000);
    expect(grid.toSlot).toBe(endsAt);
  });

  it("ends its grid when paused and leaves pollers a second when resumed", () => {
    const running = started(pending, now - 60_000);
    const paused = decide(running, "pause", now);
    expect(paused).toMatchObject({
      ok: true,
      status: "paused",
      grid: { end: { at: now }, open: null },
    });
    const resumed = decide(
      { ...running, status: "paused", grid: { ...grid(running), toSlot: now } },
      "resume",
      now,
    );
    expect(resumed).toMatchObject({ ok: true, status: "running" });
    expect(resumed.ok && resumed.grid.open?.fromSlot).toBeGreaterThanOrEqual(now + CHANGE_LEAD_MS);
  });

  it("is not extended by a pause, and not resumed when nothing is left", () => {
    const running = started({ ...pending, durationSeconds: 60 }, now - 30_000);
    const paused: JobState = { ...running, status: "paused", grid: { ...grid(running), toSlot: now } };
    const resumed = decide(paused, "resume", now);
    expect(resumed.ok && resumed.grid.open?.toSlot).toBe(running.endsAt);
    expect(decide(paused, "resume", now + 60_000)).toMatchObject({ ok: false });
  });

  it.each([
    ["pending", "pause"],
    ["pending", "resume"],
    ["running", "resume"],
    ["paused", "pause"],
    ["completed", "pause"],
    ["completed", "resume"],
    ["completed", "cancel"],
    ["cancelled", "cancel"],
    ["cancelled", "resume"],
  ] as const)("refuses when %s to %s, and says why", (status, action) => {
    const decision = decide({ ...pending, status }, action, now);
    expect(decision).toMatchObject({ ok: false });
    expect(!decision.ok && decision.reason).toContain(status);
  });

  it("drops a stretch that had no slot yet, so that resuming again cannot collide with it", () => {
    const running = started(pending, now);
    const paused = decide(running, "pause", grid(running).fromSlot - 1);
    expect(paused.ok && apply([grid(running)], paused.grid)).toEqual([]);
  });

  it("moves the end with the duration and keeps the slots", () => {
    const running = started({ ...pending, durationSeconds: 60 }, now - 10_000);
    const endsAt = (running.startedAt ?? 0) + 120_000;
    expect(editGrid({ ...running, endsAt }, 0, now)).toEqual({ end: { at: endsAt }, open: null });
    expect(editGrid({ ...running, endsAt: null }, 0, now)).toEqual({ end: { at: null }, open: null });
    expect(editGrid(running, 0, now)).toEqual({ end: "keep", open: null });
  });

  it("goes on along the old grid until pollers know of a new cadence, so that no sample falls between", () => {
    const running = started({ ...pending, cadenceMs: 100 }, now - 60_000);
    const [old, next] = apply([grid(running)], editGrid({ ...running, cadenceMs: 250 }, 0, now));
    expect(old).toEqual({ ...grid(running), toSlot: now + CHANGE_LEAD_MS });
    expect(next?.fromSlot).toBeGreaterThanOrEqual(now + CHANGE_LEAD_MS);
    expect(next?.fromSlot).toBeLessThan(now + CHANGE_LEAD_MS + 250);
  });

  it("pauses at once, also while it goes on along the old grid", () => {
    const running = started({ ...pending, cadenceMs: 100 }, now - 60_000);
    const grids = apply([grid(running)], editGrid({ ...running, cadenceMs: 250 }, 0, now));
    const paused = decide({ ...running, cadenceMs: 250, grid: grids.at(-1) ?? null }, "pause", now + 300);
    expect(paused.ok && apply(grids, paused.grid)).toEqual([{ ...grid(running), toSlot: now + 300 }]);
  });

  it.each([
    [2, CHANGE_LEAD_MS],
    [-1, 0],
  ])("begins a stretch on the same slots when it has %i more locations", (addedLocations, leadMs) => {
    const running = started({ ...pending, cadenceMs: 100 }, now - 60_000);
    const [old, next] = apply([grid(running)], editGrid(running, addedLocations, now));
    expect(old).toEqual({ ...grid(running), toSlot: now + leadMs });
    expect(next?.fromSlot).toBeGreaterThanOrEqual(now + leadMs);
    expect(next?.firstSequence).toBe(sequenceOf(grid(running), next?.fromSlot ?? 0));
    expect(next?.fromSlot).toBeLessThan(now + leadMs + 100);
  });

  it("forgets a future stretch of a long cadence when the cadence becomes short", () => {
    const daily = started({ ...pending, cadenceMs: 86_400_000 }, now);
    const grids = apply([grid(daily)], editGrid({ ...daily, cadenceMs: 1_000 }, 0, now));
    expect(grids).toHaveLength(1);
    expect(grids[0]?.fromSlot).toBeLessThan(now + CHANGE_LEAD_MS + 1_000);
  });

  it("keeps stretches apart and sequence numbers rising, whatever is done to it", () => {
    const step = fc.record({
      action: fc.constantFrom("pause", "resume", "cadence", "duration", "locations"),
      afterMs: fc.oneof(fc.integer({ min: 1, max: 2_000 }), fc.integer({ min: 1, max: 40_000 })),
      addedLocations: fc.constantFrom(-1, 1),
      cadenceMs: fc.constantFrom(100, 1_000, 7_300, 60_000),
      durationSeconds: fc.constantFrom(null, 30, 3_600),
    });
    fc.assert(
      fc.property(fc.uuid(), fc.array(step, { maxLength: 25 }), (id, steps) => {
        let at = now;
        let job = started({ ...pending, id }, at);
        let grids: Grid[] = job.grid === null ? [] : [job.grid];
        for (const { action, afterMs, cadenceMs, durationSeconds, addedLocations } of steps) {
          at += afterMs;
          if (action === "locations") {
            grids = apply(grids, editGrid(job, addedLocations, at));
          } else if (action === "cadence" || action === "duration") {
            const endsAt = durationSeconds === null ? null : (job.startedAt ?? at) + durationSeconds * 1_000;
            if (action === "duration" && endsAt !== null && endsAt <= at) continue;
            const edited = action === "cadence" ? { ...job, cadenceMs } : { ...job, durationSeconds, endsAt };
            grids = apply(grids, editGrid(edited, 0, at));
            job = edited;
          } else {
            const decision = decide(job, action, at);
            if (!decision.ok) continue;
            grids = apply(grids, decision.grid);
            job = { ...job, status: decision.status };
          }
          job = { ...job, grid: grids.at(-1) ?? null };
          expect(faultsOf(grids)).toEqual([]);
          expect(job.status === "paused" && grids.some((one) => (one.toSlot ?? Infinity) > at)).toBe(false);
        }
      }),
    );
  });
});

/** What no job's stretches may ever do: be empty, overlap, or count backwards. */
function faultsOf(grids: Grid[]): string[] {
  return grids.flatMap((one, index) => {
    const next = grids[index + 1];
    const toSlot = one.toSlot ?? Infinity;
    if (toSlot <= one.fromSlot) return ["a stretch is empty"];
    if (next === undefined) return [];
    if (next.fromSlot < toSlot) return ["stretches overlap"];
    const lastSlot = one.fromSlot + Math.ceil((toSlot - one.fromSlot) / one.cadenceMs - 1) * one.cadenceMs;
    return next.firstSequence > sequenceOf(one, lastSlot) ? [] : ["the sequence falls"];
  });
}

function grid(job: JobState): Grid {
  if (job.grid === null) throw new Error("the job has no grid");
  return job.grid;
}
