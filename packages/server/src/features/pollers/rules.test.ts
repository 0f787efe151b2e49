import { describe, expect, it } from "vitest";
import { emptyBuckets } from "./buckets.js";
import { Contact, countMembers, heirsAmong, LEASE_MS, type Member, nextState } from "./rules.js";

const member = (id: string, state: Member["state"], leaseMs: number): Member => ({
  id,
  state,
  leaseMs,
  buckets: emptyBuckets(),
});

describe("whom a poller counts on", () => {
  const others = [
    member("active", "active", 2_000),
    member("late", "active", -1),
    member("joining", "joining", 2_000),
    member("leaving", "leaving", 2_000),
    member("dead", "dead", -9_000),
  ];

  it("is itself and who is active with a lease", () => {
    expect(countMembers("self", others, new Set())).toEqual(["active", "self"]);
  });

  it("is also a trusted one that is late or on its way back, but not one that left or was called dead", () => {
    const trusted = new Set(["late", "joining", "leaving", "dead"]);
    expect(countMembers("self", others, trusted)).toEqual(["active", "joining", "late", "self"]);
  });
});

describe("the state of a poller", () => {
  it("turns from joining to active when it holds its share", () => {
    expect(nextState("joining", { hadLapsed: false, holdsShare: false })).toBe("joining");
    expect(nextState("joining", { hadLapsed: false, holdsShare: true })).toBe("active");
  });

  it("stays active while it takes over from another", () => {
    expect(nextState("active", { hadLapsed: false, holdsShare: false })).toBe("active");
  });

  it("is joining again after its lease had run out", () => {
    expect(nextState("active", { hadLapsed: true, holdsShare: true })).toBe("joining");
  });

  it("stays leaving", () => {
    expect(nextState("leaving", { hadLapsed: true, holdsShare: true })).toBe("leaving");
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
