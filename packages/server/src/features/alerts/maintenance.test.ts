import type { MaintenanceSchedule } from "@nightbell/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ActiveTimes, isActive, occurrenceAt, scheduleFault } from "./maintenance.js";

const at = (text: string) => Date.parse(text);
const nightly = (timeZone: string, durationMinutes = 120, cron = "30 2 * * *"): MaintenanceSchedule => ({
  kind: "recurring",
  cron,
  durationMinutes,
  timeZone,
});
const shown = (schedule: MaintenanceSchedule, now: string) => {
  const occurrence = occurrenceAt(schedule, at(now));
  return occurrence && [occurrence.from, occurrence.to].map((time) => new Date(time).toISOString());
};

const messageOf = (schedule: MaintenanceSchedule) => scheduleFault(schedule)?.message;

describe("a recurring window", () => {
  it("begins by the clock of its time zone, in summer and in winter", () => {
    const vienna = nightly("Europe/Vienna");
    expect(shown(vienna, "2026-07-01T01:00:00Z")).toEqual([
      "2026-07-01T00:30:00.000Z",
      "2026-07-01T02:30:00.000Z",
    ]);
    expect(shown(vienna, "2026-01-01T02:00:00Z")).toEqual([
      "2026-01-01T01:30:00.000Z",
      "2026-01-01T03:30:00.000Z",
    ]);
  });

  it("is active from its beginning to its end, which is not part of it", () => {
    const schedule = nightly("UTC");
    const active = (now: string) => isActive(occurrenceAt(schedule, at(now)), at(now));
    expect(active("2026-01-01T02:29:59.999Z")).toBe(false);
    expect(active("2026-01-01T02:30:00.000Z")).toBe(true);
    expect(active("2026-01-01T04:29:59.999Z")).toBe(true);
    expect(active("2026-01-01T04:30:00.000Z")).toBe(false);
  });

  it("begins when the clocks have gone forward on a day that leaves its time out, and once on a day that repeats it", () => {
    const vienna = nightly("Europe/Vienna", 30);
    expect(shown(vienna, "2026-03-29T01:10:00Z")).toEqual([
      "2026-03-29T01:00:00.000Z",
      "2026-03-29T01:30:00.000Z",
    ]);
    expect(shown(vienna, "2026-10-25T00:40:00Z")).toEqual([
      "2026-10-25T00:30:00.000Z",
      "2026-10-25T01:00:00.000Z",
    ]);
    expect(shown(vienna, "2026-10-25T01:40:00Z")).toEqual([
      "2026-10-26T01:30:00.000Z",
      "2026-10-26T02:00:00.000Z",
    ]);
  });

  it("goes on without a break when it lasts longer than the time to the next", () => {
    const schedule = nightly("UTC", 90, "0 * * * *");
    expect(shown(schedule, "2026-01-01T10:15:00Z")).toEqual([
      "2026-01-01T10:00:00.000Z",
      "2026-01-01T11:30:00.000Z",
    ]);
  });

  it("is, in every zone, either under way or still to come", () => {
    const zones = [
      "UTC",
      "America/New_York",
      "Asia/Kolkata",
      "Australia/Lord_Howe",
      "Pacific/Apia",
      "Africa/Casablanca",
    ];
    const anyTime = fc.integer({ min: at("2025-01-01T00:00:00Z"), max: at("2030-01-01T00:00:00Z") });
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.integer({ min: 1, max: 3_000 }),
        anyTime,
        (zone, minutes, now) => {
          const occurrence = occurrenceAt(nightly(zone, minutes), now);
          expect(occurrence?.to).toBeGreaterThan(now);
          expect((occurrence?.to ?? 0) - (occurrence?.from ?? 0)).toBe(minutes * 60_000);
          expect(occurrence?.from).toBeLessThan(now + 3 * 86_400_000);
        },
      ),
    );
  });
});

it("a single window is over at its end", () => {
  const schedule: MaintenanceSchedule = {
    kind: "once",
    from: "2026-01-01T10:00:00+02:00",
    to: "2026-01-01T09:00:00Z",
  };
  expect(isActive(occurrenceAt(schedule, at("2026-01-01T07:59:59Z")), at("2026-01-01T07:59:59Z"))).toBe(
    false,
  );
  expect(isActive(occurrenceAt(schedule, at("2026-01-01T08:00:00Z")), at("2026-01-01T08:00:00Z"))).toBe(true);
  expect(occurrenceAt(schedule, at("2026-01-01T09:00:00Z"))).toBeNull();
});

it("a schedule that cannot be followed says why", () => {
  expect(messageOf(nightly("UTC"))).toBeUndefined();
  expect(messageOf(nightly("UTC", 1, "61 2 * * *"))).toMatch(/must be a cron expression/);
  expect(messageOf(nightly("UTC", 1, "0 2 31 2 *"))).toBe("never comes");
  expect(messageOf({ kind: "once", from: "2026-01-01T10:00:00Z", to: "2026-01-01T10:00:00Z" })).toBe(
    "must lie after `from`",
  );
});

describe("what is remembered of schedules", () => {
  const minute = 60_000;
  const schedules = [
    nightly("Europe/Vienna", 45, "30 * * * *"),
    nightly("America/New_York", 90, "0 * * * *"), // longer than the time to the next
    nightly("UTC", 30, "0 2 29 2 *"),
    { kind: "once", from: "2026-03-29T00:30:00Z", to: "2026-03-29T03:00:00Z" },
  ] as const satisfies MaintenanceSchedule[];

  it("is what a look into the calendar says, as time goes on and when it goes back", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -30, max: 200 }), { maxLength: 60 }), (steps) => {
        const times = new ActiveTimes();
        let now = at("2026-03-28T22:00:00Z");
        for (const step of steps) {
          now += step * minute;
          for (const schedule of schedules)
            expect(times.isActive(schedule, now)).toBe(isActive(occurrenceAt(schedule, now), now));
        }
      }),
    );
  });

  it("spares the calendar", () => {
    const times = new ActiveTimes();
    const rare = nightly("America/New_York", 30, "0 0 29 2 SUN#5");
    const start = at("2026-01-01T00:00:00Z");
    times.isActive(rare, start);
    const startedAt = performance.now();
    for (let second = 0; second < 20_000; second += 1) times.isActive(rare, start + second * 1_000);
    expect(performance.now() - startedAt).toBeLessThan(1_000); // each look into it takes about a millisecond
  });
});
