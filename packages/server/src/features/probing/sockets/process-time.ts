// performance.now() counts from the start of its thread; what threads tell each other needs one clock for the process.

/** Readings that are compared: between the two clocks of one of them the thread may be put aside. */
const READINGS = 5;

const offset = offsetOfThisThread();

/** Milliseconds of the monotonic clock, the same in every thread. */
export function processTime(): number {
  return performance.now() + offset;
}

/** The same moment by this thread's performance.now(). */
export function threadTime(processMs: number): number {
  return processMs - offset;
}

function offsetOfThisThread(): number {
  let least = Infinity;
  for (let reading = 0; reading < READINGS; reading++) {
    const own = performance.now();
    least = Math.min(least, Number(process.hrtime.bigint()) / 1e6 - own);
  }
  return least;
}
