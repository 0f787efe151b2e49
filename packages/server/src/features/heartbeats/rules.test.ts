import { describe, expect, it } from "vitest";
import { type Expectation, judgeBeat, type LastBeat } from "./rules.js";

const START = Date.parse("2026-03-01T12:00:00Z");
const MINUTE = 60_000;

/** A job that beats every minute with ten seconds of grace, and runs since the start. */
const expecting = (minutes: number, more: Partial<Expectation> = {}): Expectation => ({
  slot: START + minutes * MINUTE,
  cadenceMs: MINUTE,
  graceMs: 10_000,
  runningSince: START,
  awayAt: null,
  ...more,
});
const beat = (minutes: number, more: Partial<LastBeat> = {}): LastBeat => ({
  at: START + minutes * MINUTE,
  kind: "ok",
  durationMs: null,
  message: null,
  ...more,
});

describe("a slot of a heartbeat", () => {
  it("is a success when a beat came within the cadence and its grace", () => {
    for (const at of [9, 9.5, 10, 10.01]) {
      expect(judgeBeat(beat(at), expecting(10))).toEqual({ kind: "beating", durationMs: null });
    }
    expect(judgeBeat(beat(8 + 50 / 60), expecting(10))).toMatchObject({ kind: "beating" });
    expect(judgeBeat(beat(8 + 49.999 / 60), expecting(10))).toMatchObject({ code: "heartbeat_missed" });
  });

  it("has the duration that was reported", () => {
    expect(judgeBeat(beat(10, { durationMs: 12.5 }), expecting(10))).toEqual({
      kind: "beating",
      durationMs: 12.5,
    });
  });

  it("says when the last beat came, and what was expected", () => {
    expect(judgeBeat(beat(5), expecting(10))).toEqual({
      kind: "failed",
      code: "heartbeat_missed",
      error: "no beat since 2026-03-01T12:05:00Z, expected one every 60 s with 10 s of grace",
    });
  });

  it("fails with what a failed run said, for as long as that is news", () => {
    const failure = beat(10, { kind: "fail", message: "disk full" });
    expect(judgeBeat(failure, expecting(10.5))).toEqual({
      kind: "failed",
      code: "heartbeat_failed",
      error: "the last beat, of 2026-03-01T12:10:00Z, reported a failure: disk full",
    });
    expect(judgeBeat(failure, expecting(12))).toMatchObject({ code: "heartbeat_missed" });
  });

  it("waits for the first beat until it is overdue", () => {
    expect(judgeBeat(null, expecting(0))).toEqual({ kind: "waiting" });
    expect(judgeBeat(null, expecting(1))).toEqual({ kind: "waiting" });
    expect(judgeBeat(null, expecting(2))).toEqual({
      kind: "failed",
      code: "heartbeat_missed",
      error:
        "no beat has come yet; the job runs since 2026-03-01T12:00:00Z, expected one every 60 s with 10 s of grace",
    });
  });

  it("does not count the time before the job ran again", () => {
    const resumed = { runningSince: START + 60 * MINUTE };
    expect(judgeBeat(beat(5), expecting(61, resumed))).toEqual({ kind: "waiting" });
    expect(judgeBeat(beat(5), expecting(62, resumed))).toMatchObject({ code: "heartbeat_missed" });
  });

  it("is a failure of ours when a beat may have found the database away", () => {
    const away = { awayAt: START + 9.5 * MINUTE };
    expect(judgeBeat(beat(5), expecting(10, away))).toEqual({
      kind: "failed",
      code: "database_unavailable",
      error: "the database was away at 2026-03-01T12:09:30Z; a beat may have been lost then",
    });
    expect(judgeBeat(beat(9.6), expecting(10, away))).toMatchObject({ kind: "beating" });
    expect(judgeBeat(beat(5), expecting(11, away))).toMatchObject({ code: "heartbeat_missed" });
  });
});
