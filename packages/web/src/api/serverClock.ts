// Windows "until now" are the server's now: a browser whose clock is wrong would look at an empty future.

/** Below this the difference is the network's and the header's rounding to seconds. */
const TOLERATED_MS = 2_000;

let offsetMs = 0;

/** Takes the time from the Date header of an answer. */
export function readServerClock(dateHeader: string | null, nowMs = Date.now()): void {
  const serverMs = Date.parse(dateHeader ?? "");
  if (Number.isNaN(serverMs)) return;
  const difference = serverMs - nowMs;
  offsetMs = Math.abs(difference) > TOLERATED_MS ? difference : 0;
}

export function serverNow(): number {
  return Date.now() + offsetMs;
}
