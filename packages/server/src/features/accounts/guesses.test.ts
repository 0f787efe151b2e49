import { expect, it } from "vitest";
import { HandClock } from "../../../test/hand-clock.js";
import { Guesses } from "./guesses.js";

const home = "192.0.2.1";
const attacker = "198.51.100.66";

it("stops the eleventh guess at an account from one address, and nobody else's", () => {
  const guesses = new Guesses(new HandClock());
  const waits = Array.from({ length: 11 }, () => guesses.count("ada@example.com", attacker));
  expect(waits.slice(0, 10)).toEqual(Array(10).fill(0));
  expect(waits[10]).toBeCloseTo(90_000);
  expect(guesses.count("ada@example.com", home)).toBe(0);
});

it("stops an address that tries many accounts, whose inventions use up nobody else's limit", () => {
  const guesses = new Guesses(new HandClock());
  const waits = Array.from({ length: 20_000 }, (_, index) => guesses.count(`${index}@example.com`, attacker));
  expect(waits.filter((wait) => wait === 0)).toHaveLength(100);
  for (let person = 0; person < 50; person += 1) {
    expect(guesses.count(`person-${person}@example.com`, home)).toBe(0);
  }
});

it("forgets the failures of an account that then logs in, and takes only that one attempt off the address", () => {
  const guesses = new Guesses(new HandClock());
  for (let attempt = 0; attempt < 10; attempt += 1) guesses.count("ada@example.com", home);
  guesses.forgive("ada@example.com", home);
  for (let attempt = 0; attempt < 10; attempt += 1) expect(guesses.count("ada@example.com", home)).toBe(0);
  const others = Array.from({ length: 82 }, (_, index) => guesses.count(`${index}@example.com`, home));
  expect(others.filter((wait) => wait === 0)).toHaveLength(81);
});

it("does not count an attempt that could not be made", () => {
  const guesses = new Guesses(new HandClock());
  for (let attempt = 0; attempt < 200; attempt += 1) {
    expect(guesses.count("ada@example.com", home)).toBe(0);
    guesses.withdraw("ada@example.com", home);
  }
});
