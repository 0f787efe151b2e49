import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { failed, succeeded } from "../outcome.js";
import {
  afterRound,
  answerOf,
  type Connectivity,
  judgeMiss,
  ONLINE,
  REFERENCE_TIMEOUT_MS,
  type Round,
  ROUND_MS,
  ROUNDS_TO_TURN,
  type Verdict,
  verdictOf,
} from "./rules.js";

const answers = ["answered", "silent", "unasked"] as const;

describe("the answer of a reference", () => {
  it.each([
    ["timeout", "silent"],
    ["host_unreachable", "silent"],
    ["no_route", "silent"],
    ["connection_refused", "answered"],
    ["connection_reset", "answered"],
    ["permission", "unasked"],
    ["overloaded", "unasked"],
    ["socket", "unasked"],
    ["address_denied", "unasked"],
    ["cancelled", "unasked"],
  ] as const)("%s is %s", (code, answer) => expect(answerOf(failed({ code, error: "" }))).toBe(answer));

  it("is one when it answers", () => {
    expect(answerOf(succeeded({ rttUs: 1, phases: null, address: null }))).toBe("answered");
  });
});

describe("the verdict of a round", () => {
  const asked = fc.record({ answer: fc.constantFrom(null, ...answers), counts: fc.boolean() });

  it("is online by any answer, and offline only when all have been asked and one that counts is silent", () => {
    fc.assert(
      fc.property(fc.array(asked, { minLength: 1, maxLength: 8 }), (references) => {
        const verdict = verdictOf(references);
        const all = references.map(({ answer }) => answer);
        expect(verdict === "online").toBe(all.includes("answered"));
        const mayBeOffline =
          !all.includes(null) && references.some(({ answer, counts }) => answer === "silent" && counts);
        expect(verdict === "offline").toBe(mayBeOffline && verdict !== "online");
      }),
    );
  });

  it("is never offline while no reference counts, whatever they do", () => {
    const uncounted = fc.record({ answer: fc.constantFrom(null, ...answers), counts: fc.constant(false) });
    fc.assert(
      fc.property(fc.array(uncounted, { maxLength: 8 }), (references) => {
        expect(verdictOf(references)).not.toBe("offline");
      }),
    );
  });
});

/** A second network: the link is down from one time to another, and whatever is under way then is lost. */
interface Outage {
  readonly from: number;
  readonly to: number;
}
const REFERENCE_RTT_MS = 5;
const isCutOff = ({ from, to }: Outage, start: number, end: number) => start < to && end > from;

/** The rounds that were started by `now`, as far as they have a verdict then. */
function roundsUntil(now: number, phase: number, outage: Outage): Round[] {
  const rounds: Round[] = [];
  for (let startedAt = phase; startedAt <= now; startedAt += ROUND_MS) {
    const isLost = isCutOff(outage, startedAt, startedAt + REFERENCE_RTT_MS);
    const decidedAt = startedAt + (isLost ? REFERENCE_TIMEOUT_MS : REFERENCE_RTT_MS);
    const verdict: Verdict = decidedAt > now ? "open" : isLost ? "offline" : "online";
    rounds.push({ startedAt, verdict });
  }
  return rounds;
}

const START = 10_000;
const probes = fc.record({
  sentAt: fc.integer({ min: START, max: START + 5_000 }),
  timeoutMs: fc.integer({ min: 10, max: 60_000 }),
  phase: fc.integer({ min: 0, max: ROUND_MS - 1 }),
});
/** By then every round that matters has its verdict: the longest that a miss is held back. */
const HELD_MS = ROUND_MS + REFERENCE_TIMEOUT_MS;

describe("a miss", () => {
  it("is the target's when we were online all the time, known after a second and the answer of a reference", () => {
    const never = { from: Infinity, to: Infinity };
    fc.assert(
      fc.property(probes, ({ sentAt, timeoutMs, phase }) => {
        const endedAt = sentAt + timeoutMs;
        const known = endedAt + ROUND_MS + REFERENCE_RTT_MS;
        expect(judgeMiss(roundsUntil(known, phase, never), { sentAt, endedAt })).toBe("missed");
        expect(judgeMiss(roundsUntil(endedAt, phase, never), { sentAt, endedAt })).not.toBe("offline");
      }),
    );
  });

  it("of a target with an ordinary answer is ours whenever an outage of a round or more has swallowed that answer", () => {
    const outages = fc.record({
      rttMs: fc.integer({ min: 1, max: 900 }),
      from: fc.integer({ min: START - 8_000, max: START + 8_000 }),
      lengthMs: fc.integer({ min: ROUND_MS, max: 20_000 }),
    });
    fc.assert(
      fc.property(probes, outages, ({ sentAt, timeoutMs, phase }, { rttMs, from, lengthMs }) => {
        const outage = { from, to: from + lengthMs };
        const endedAt = sentAt + timeoutMs;
        fc.pre(rttMs <= timeoutMs && isCutOff(outage, sentAt, sentAt + rttMs));
        // The answer was due within its RTT; the round that would show it has to start before the rule's end.
        fc.pre(timeoutMs >= ROUND_MS || from <= sentAt);
        const rounds = roundsUntil(endedAt + HELD_MS, phase, outage);
        expect(judgeMiss(rounds, { sentAt, endedAt })).toBe("offline");
      }),
    );
  });

  it("is ours until three rounds after an outage, as what is back may not all be back", () => {
    fc.assert(
      fc.property(
        probes,
        fc.integer({ min: ROUND_MS, max: 9_000 }),
        ({ sentAt, timeoutMs, phase }, lengthMs) => {
          const outage = { from: sentAt - lengthMs - 1_000, to: sentAt - 1_000 };
          const endedAt = sentAt + timeoutMs;
          expect(judgeMiss(roundsUntil(endedAt + HELD_MS, phase, outage), { sentAt, endedAt })).toBe(
            "offline",
          );
          const past = { from: outage.from - 3_000, to: outage.to - 3_000 };
          expect(judgeMiss(roundsUntil(endedAt + HELD_MS, phase, past), { sentAt, endedAt })).toBe("missed");
        },
      ),
    );
  });

  it("is decided two seconds after it is known at the latest, and stays decided", () => {
    fc.assert(
      fc.property(
        probes,
        fc.integer({ min: 0, max: 80_000 }),
        fc.integer({ min: 0, max: 9_000 }),
        ({ sentAt, timeoutMs, phase }, from, lengthMs) => {
          const outage = { from, to: from + lengthMs };
          const probe = { sentAt, endedAt: sentAt + timeoutMs };
          const at = (ms: number) => judgeMiss(roundsUntil(probe.endedAt + ms, phase, outage), probe);
          const decided = at(HELD_MS);
          expect(decided).not.toBe("open");
          for (const ms of [0, 300, 700, 1_100, 1_600]) expect(["open", decided]).toContain(at(ms));
          expect(at(HELD_MS + 5_000)).toBe(decided);
        },
      ),
    );
  });

  it("is the target's when no reference could be asked", () => {
    const rounds: Round[] = [0, 1, 2, 3].map((index) => ({ startedAt: index * 1_000, verdict: "unknown" }));
    expect(judgeMiss(rounds, { sentAt: 500, endedAt: 2_500 })).toBe("missed");
  });

  it("that came in the first moment waits for the first round", () => {
    expect(judgeMiss([], { sentAt: 500, endedAt: 600 })).toBe("open");
    expect(judgeMiss([{ startedAt: 700, verdict: "open" }], { sentAt: 500, endedAt: 600 })).toBe("open");
    expect(judgeMiss([{ startedAt: 700, verdict: "online" }], { sentAt: 500, endedAt: 600 })).toBe("missed");
  });
});

/** What rounds of these verdicts amount to, one at each time from 0. */
function after(...list: Verdict[]) {
  let connectivity: Connectivity = ONLINE;
  const turns: number[] = [];
  for (const [at, verdict] of list.entries()) {
    const { next, turnedAt } = afterRound(connectivity, verdict, at);
    connectivity = next;
    if (turnedAt !== null) turns.push(turnedAt);
  }
  return { isOffline: connectivity.isOffline, turns };
}

describe("a poller", () => {
  it("is offline since the first of three silent rounds, and online since the first of three answered ones", () => {
    expect(after("online", "offline", "offline")).toEqual({ isOffline: false, turns: [] });
    expect(after("online", "offline", "offline", "offline")).toEqual({ isOffline: true, turns: [1] });
    expect(after("offline", "offline", "offline", "online", "offline", "online", "online", "online")).toEqual(
      { isOffline: false, turns: [0, 5] },
    );
  });

  it("is not moved by rounds that say nothing", () => {
    expect(after("offline", "unknown", "offline", "unknown", "offline")).toEqual({
      isOffline: true,
      turns: [0],
    });
    expect(after("unknown", "unknown", "unknown", "unknown")).toEqual({ isOffline: false, turns: [] });
  });

  it("turns only after as many rounds in a row as say otherwise", () => {
    const many = fc.array(fc.constantFrom<Verdict>("online", "offline"), { maxLength: 60 });
    fc.assert(
      fc.property(many, (list) => {
        const { isOffline, turns } = after(...list);
        for (const [index, at] of turns.entries()) {
          const said = index % 2 === 0 ? "offline" : "online";
          expect(list.slice(at, at + ROUNDS_TO_TURN)).toEqual(Array(ROUNDS_TO_TURN).fill(said));
        }
        expect(isOffline).toBe(turns.length % 2 === 1);
      }),
    );
  });
});
