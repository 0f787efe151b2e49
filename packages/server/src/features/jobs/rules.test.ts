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
  const latest = grids.at(-1);
  const earlier = grids.slice(0, -1);
  const kept =
    latest === undefined || change.latest === "drop"
      ? []
      : [change.latest === "keep" ? latest : { ...latest, ...change.latest }];
  return [...earlier, ...kept, ...(change.open === null ? [] : [change.open])];
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
      grid: { latest: { toSlot: now }, open: null },
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
    expect(decide(running, "pause", grid(running).fromSlot - 1)).toMatchObject({ grid: { latest: "drop" } });
  });

  it("moves the end with the duration and keeps the slots", () => {
    const running = started({ ...pending, durationSeconds: 60 }, now - 10_000);
    const endsAt = (running.startedAt ?? 0) + 120_000;
    expect(editGrid({ ...running, endsAt }, now)).toEqual({ latest: { toSlot: endsAt }, open: null });
    expect(editGrid({ ...running, endsAt: null }, now)).toEqual({ latest: { toSlot: null }, open: null });
    expect(editGrid(running, now)).toEqual({ latest: "keep", open: null });
  });

  it("forgets a future stretch of a long cadence when the cadence becomes short", () => {
    const daily = started({ ...pending, cadenceMs: 86_400_000 }, now);
    const change = editGrid({ ...daily, cadenceMs: 1_000 }, now);
    expect(change.latest).toBe("drop");
    expect(change.open?.fromSlot).toBeLessThan(now + CHANGE_LEAD_MS + 1_000);
  });

  it("keeps stretches apart and sequence numbers rising, whatever is done to it", () => {
    const step = fc.record({
      action: fc.constantFrom("pause", "resume", "cadence", "duration"),
      afterMs: fc.integer({ min: 1, max: 40_000 }),
      cadenceMs: fc.constantFrom(100, 1_000, 7_300, 60_000),
      durationSeconds: fc.constantFrom(null, 30, 3_600),
    });
    fc.assert(
      fc.property(fc.uuid(), fc.array(step, { maxLength: 25 }), (id, steps) => {
        let at = now;
        let job = started({ ...pending, id }, at);
        let grids: Grid[] = job.grid === null ? [] : [job.grid];
        for (const { action, afterMs, cadenceMs, durationSeconds } of steps) {
          at += afterMs;
          if (action === "cadence" || action === "duration") {
            const endsAt = durationSeconds === null ? null : (job.startedAt ?? at) + durationSeconds * 1_000;
            if (action === "duration" && endsAt !== null && endsAt <= at) continue;
            const edited = action === "cadence" ? { ...job, cadenceMs } : { ...job, durationSeconds, endsAt };
            grids = apply(grids, editGrid(edited, at));
            job = edited;
          } else {
            const decision = decide(job, action, at);
            if (!decision.ok) continue;
            grids = apply(grids, decision.grid);
            job = { ...job, status: decision.status };
          }
          job = { ...job, grid: grids.at(-1) ?? null };
          expect(faultsOf(grids)).toEqual([]);
          expect(job.status === "paused" && grids.some((one) => one.toSlot === null)).toBe(false);
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
