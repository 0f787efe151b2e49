/** Time is a parameter: rules take `now`, and what must ask for it takes a Clock, so tests can move time. */
export interface Clock {
  /** Wall-clock time in milliseconds since the Unix epoch, with sub-millisecond resolution where the system has it. */
  now(): number;
  /** Milliseconds that only go forward and are unaffected by changes to the wall clock. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
