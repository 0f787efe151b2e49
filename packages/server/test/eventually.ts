import { setTimeout as sleep } from "node:timers/promises";

/** Calls until it does not throw, and returns what it returned. */
export async function eventually<T>(
  attempt: () => T | Promise<T>,
  {
    withinMs = 5_000,
    everyMs = 25,
    unless,
  }: {
    withinMs?: number;
    everyMs?: number;
    /** Errors that end the wait. */
    unless?: (error: unknown) => boolean;
  } = {},
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadline || unless?.(error) === true) throw error;
      await sleep(everyMs);
    }
  }
}
