import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { emptyBuckets } from "./buckets.js";
import { Contact, countMembers, heirsAmong, LEASE_MS, type Member, nextState } from "./rules.js";

const member = (id: string, state: Member["state"], leaseMs: number, isOffline = false): Member => ({
  id,
  state,
  leaseMs,
  buckets: emptyBuckets(),
  isOffline,
});
const self = { id: "self", isOffline: false };

describe("whom a poller counts on", () => {
  const others = [
    member("active", "active", 2_000),
    member("late", "active", -1),
    member("joining", "joining", 2_000),
    member("leaving", "leaving", 2_000),
    member("dead", "dead", -9_000),
  ];

  it("is itself and who is active with a lease", () => {
    expect(countMembers(self, others, new Set())).toEqual(["active", "self"]);
  });

  it("is also a trusted one that is late or on its way back, but not one that left or was called dead", () => {
    const trusted = new Set(["late", "joining", "leaving", "dead"]);
    expect(countMembers(self, others, trusted)).toEqual(["active", "joining", "late", "self"]);
  });
});

describe("who is offline", () => {
  const offlineSelf = { id: "self", isOffline: true };
  const online = member("online", "active", 2_000);
  const offline = member("offline", "active", 2_000, true);

  it("is not counted on while anybody is online", () => {
    expect(countMembers(self, [online, offline], new Set())).toEqual(["online", "self"]);
    expect(countMembers(self, [offline], new Set(["offline"]))).toEqual(["self"]);
    expect(countMembers(offlineSelf, [online, offline], new Set())).toEqual(["online"]);
  });

  it("goes on when everybody is", () => {
    expect(countMembers(offlineSelf, [offline], new Set())).toEqual(["offline", "self"]);
    expect(countMembers(offlineSelf, [], new Set())).toEqual(["self"]);
  });

  it("relies on nobody who has not yet a share, or whose lease has run out", () => {
    const others = [member("joining", "joining", 2_000), member("late", "active", -1)];
    expect(countMembers(offlineSelf, others, new Set())).toEqual(["self"]);
  });

  it("leaves nobody out, and nobody's buckets to nobody, whatever the others are", () => {
    const state = fc.constantFrom<Member["state"]>("joining", "active", "leaving", "dead");
    const anybody = fc.record({ state, leaseMs: fc.integer({ min: -1, max: 1 }), isOffline: fc.boolean() });
    fc.assert(
      fc.property(fc.array(anybody, { maxLength: 6 }), fc.boolean(), (list, isOffline) => {
        const others = list.map((each, index) => ({ id: `${index}`, buckets: emptyBuckets(), ...each }));
        const members = countMembers({ id: "self", isOffline }, others, new Set());
        const heirs = others.filter(
          (other) => other.state === "active" && other.leaseMs > 0 && !other.isOffline,
        );
        // Whoever hands over hands over to somebody who is online and holds a share.
        const handsOver = isOffline && heirs.length > 0;
        expect(members.includes("self")).toBe(!handsOver);
        expect(members).toEqual(expect.arrayContaining(heirs.map(({ id }) => id)));
      }),
    );
  });
});

describe("the state of a poller", () => {
  it("turns from joining to active when it holds its share", () => {
    expect(nextState("joining", { hadLapsed: false, isReplaced: false, holdsShare: false })).toBe("joining");
    expect(nextState("joining", { hadLapsed: false, isReplaced: false, holdsShare: true })).toBe("active");
  });

  it("stays active while it takes over from another", () => {
    expect(nextState("active", { hadLapsed: false, isReplaced: false, holdsShare: false })).toBe("active");
  });

  it("is joining again after its lease had run out", () => {
    expect(nextState("active", { hadLapsed: true, isReplaced: false, holdsShare: true })).toBe("joining");
  });

  it("is joining while others measure its jobs because it is offline", () => {
    expect(nextState("active", { hadLapsed: false, isReplaced: true, holdsShare: true })).toBe("joining");
  });

  it("stays leaving", () => {
    expect(nextState("leaving", { hadLapsed: true, isReplaced: false, holdsShare: true })).toBe("leaving");
  });
});

it("a leaving poller is inherited by those that live and stay", () => {
  const others = [
    member("a", "active", 1),
    member("b", "joining", 1),
    member("c", "leaving", 1),
    member("d", "active", -1),
  ];
  expect(heirsAmong(others).map(({ id }) => id)).toEqual(["a", "b"]);
});

describe("leases that have run out", () => {
  it("are believed from a lease's length after the contact with the database began", () => {
    const contact = new Contact();
    for (let at = 0; at <= LEASE_MS; at += 500) {
      contact.note(at);
      expect(contact.isSettled(at)).toBe(false);
    }
    contact.note(LEASE_MS + 500);
    expect(contact.isSettled(LEASE_MS + 500)).toBe(true);
  });

  it("are not believed for as long again after it broke", () => {
    const contact = new Contact();
    for (let at = 0; at <= 10_000; at += 500) contact.note(at);
    expect(contact.isLost(10_000 + LEASE_MS)).toBe(false);
    const backAt = 20_000;
    expect(contact.isLost(backAt)).toBe(true);
    contact.note(backAt);
    expect(contact.isLost(backAt)).toBe(false);
    expect(contact.isSettled(backAt)).toBe(false);
    contact.note(backAt + LEASE_MS);
    contact.note(backAt + LEASE_MS + 1);
    expect(contact.isSettled(backAt + LEASE_MS + 1)).toBe(true);
  });
});
