import type { Clock } from "../src/platform/clock.js";

/** A clock that a test moves by hand; it starts at the real time and stands still. */
export class HandClock implements Clock {
  #now = Math.floor(Date.now());

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  advance(ms: number): void {
    this.#now += ms;
  }
}
