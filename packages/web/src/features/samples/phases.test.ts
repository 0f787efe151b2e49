import { expect, test } from "vitest";
import { phaseParts } from "./phases.js";

test("phases stand in the order they happen, unknown ones last", () => {
  const parts = phaseParts({ transfer: 1, somethingNew: 1, connect: 2, dns: 4 });
  expect(parts.map((part) => part.name)).toEqual(["dns", "connect", "transfer", "somethingNew"]);
  expect(parts[0]?.share).toBe(0.5);
});

test("phases that took no time have no share", () => {
  expect(phaseParts({ connect: 0 })[0]?.share).toBe(0);
});

test("the days that a certificate has left are no phase", () => {
  expect(phaseParts({ handshake: 5, certificateDaysLeft: 90 })).toMatchObject([
    { name: "handshake", share: 1 },
  ]);
});
