import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decide, type LocationCondition, type Situation, type Statement } from "./decide.js";

const none: Situation = {
  conditions: [],
  alert: null,
  locationNos: [1, 2, 3],
  locationCount: 3,
  quorum: 1,
  obstacle: null,
  suppression: null,
};
const bad = (locationNo: number, slot: number): Statement => ({ locationNo, isBad: true, slot, value: 3 });
const good = (locationNo: number, slot: number): Statement => ({ locationNo, isBad: false, slot, value: 0 });
const known = (statement: Statement): LocationCondition => ({ ...statement, since: statement.slot });
const window = { kind: "maintenance", id: "019b0000-0000-7000-8000-000000000001", name: "Sunday" } as const;
const kinds = (situation: Situation, statements: Statement[]) =>
  decide(situation, statements).happenings.map(({ kind }) => kind);

/** The state after the statements, told one by one. */
const run = (all: readonly Statement[], quorum: number) => {
  let situation: Situation = { ...none, quorum };
  for (const statement of all) {
    const { conditions, status } = decide(situation, [statement]);
    situation = { ...situation, conditions, alert: status === "open" ? { status } : null };
  }
  return { alert: situation.alert, states: situation.conditions.map(({ isBad }) => isBad) };
};

describe("an alert", () => {
  it("opens when a location fails, and resolves when it recovers", () => {
    const opened = decide(none, [bad(1, 100)]);
    expect(opened).toMatchObject({ status: "open", happenings: [{ kind: "opened" }] });
    const after = { ...none, conditions: opened.conditions, alert: { status: "open" } } as const;
    expect(decide(after, [good(1, 200)])).toMatchObject({
      status: "resolved",
      resolution: "recovered",
      happenings: [{ kind: "location_recovered" }, { kind: "resolved" }],
    });
  });

  it("waits for its quorum, and ends below it", () => {
    const two = { ...none, quorum: 2 };
    expect(decide(two, [bad(1, 100)]).status).toBeNull();
    const one = { ...two, conditions: [known(bad(1, 100))] };
    expect(decide(one, [bad(3, 110)]).status).toBe("open");
    const both = {
      ...one,
      conditions: [known(bad(1, 100)), known(bad(3, 110))],
      alert: { status: "open" },
    } as const;
    expect(kinds(both, [bad(2, 120)])).toEqual(["location_failed"]);
    expect(decide(both, [good(1, 130)]).status).toBe("resolved");
  });

  it("needs all of a job's locations where the rule says all, or where the job has fewer than the quorum", () => {
    for (const quorum of [null, 5]) {
      const situation = { ...none, quorum, locationNos: [1, 2], locationCount: 2 };
      expect(decide(situation, [bad(1, 100)]).status).toBeNull();
      expect(decide(situation, [bad(1, 100), bad(2, 100)]).status).toBe("open");
    }
  });

  it("does not count a location that the job is no longer measured from", () => {
    const situation = {
      ...none,
      conditions: [known(bad(1, 100))],
      locationNos: [2],
      locationCount: 1,
      alert: { status: "open" },
    } as const;
    expect(decide(situation, [])).toMatchObject({ status: "resolved", resolution: "recovered" });
  });

  it("is suppressed while something accounts for it, and opens when that ends", () => {
    expect(decide({ ...none, suppression: window }, [bad(1, 100)])).toMatchObject({
      status: "suppressed",
      happenings: [{ kind: "opened" }, { kind: "suppressed" }],
    });
    const held = { ...none, conditions: [known(bad(1, 100))], alert: { status: "suppressed" } } as const;
    expect(decide(held, [])).toMatchObject({ status: "open", happenings: [{ kind: "unsuppressed" }] });
    const open = { ...held, alert: { status: "open" }, suppression: window } as const;
    expect(decide(open, [])).toMatchObject({ status: "suppressed", happenings: [{ kind: "suppressed" }] });
  });

  it("ends when its job stops or its rule goes, and what was known goes with it", () => {
    const open = { ...none, conditions: [known(bad(1, 100))], alert: { status: "open" } } as const;
    expect(decide({ ...open, obstacle: "job_stopped" }, [bad(2, 200)])).toEqual({
      conditions: [],
      status: "resolved",
      resolution: "job_stopped",
      happenings: [{ kind: "resolved" }],
    });
    expect(decide({ ...none, obstacle: "job_stopped" }, [bad(1, 100)]).status).toBeNull();
  });
});

describe("a statement", () => {
  it("that is repeated, or older than what is known, changes nothing", () => {
    const situation = { ...none, conditions: [known(good(1, 200))] };
    for (const statement of [bad(1, 150), good(1, 200)]) {
      expect(decide(situation, [statement])).toEqual({
        conditions: situation.conditions,
        status: null,
        resolution: null,
        happenings: [],
      });
    }
  });

  it("leads to the same end in whatever order and however often statements come", () => {
    const statements = fc.array(
      fc.record({
        locationNo: fc.integer({ min: 1, max: 3 }),
        isBad: fc.boolean(),
        slot: fc.integer({ min: 1, max: 40 }),
        value: fc.constant(null),
      }),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(
        statements,
        fc.integer({ min: 1, max: 3 }),
        fc.infiniteStream(fc.nat()),
        (raw, quorum, picks) => {
          // Of one slot there is one result.
          const all = [...new Map(raw.map((each) => [`${each.locationNo} ${each.slot}`, each])).values()];
          const inOrder = all.toSorted((a, b) => a.slot - b.slot);
          const shuffled = [...all, ...all.slice(0, 5)]
            .map((each) => ({ each, key: picks.next().value ?? 0 }))
            .sort((a, b) => a.key - b.key)
            .map(({ each }) => each);
          expect(run(shuffled, quorum)).toEqual(run(inOrder, quorum));
        },
      ),
    );
  });
});
