// What is wrong with pollers, as sentences that say what to do.
import type { Poller } from "@nightbell/contract";
import { formatSeconds } from "../../format/durations.js";

/** Slots are wall-clock times: a clock that is further off measures at the wrong time. */
const CLOCK_TOLERANCE_MS = 500;
/** Five times what a loaded poller is allowed; a busy moment does not reach it. */
const LATE_MS = 250;

export interface Trouble {
  readonly title: string;
  readonly advice: string;
}

export function troublesOf(pollers: readonly Poller[]): Trouble[] {
  const living = pollers.filter(({ state }) => state !== "dead");
  const silent = new Set(pollers.map(({ location }) => location));
  for (const { location } of living) silent.delete(location);
  return [
    ...[...silent].map((location) => ({
      title: `Nothing measures from ${location}`,
      advice: "Every poller there has fallen silent. Start one; until then its jobs have gaps.",
    })),
    ...living
      .filter(({ clockOffsetMs }) => Math.abs(clockOffsetMs ?? 0) > CLOCK_TOLERANCE_MS)
      .map(({ name, clockOffsetMs }) => ({
        title: `The clock of ${name} is ${formatSeconds(Math.abs(clockOffsetMs ?? 0) / 1_000)} ${(clockOffsetMs ?? 0) > 0 ? "behind" : "ahead"}`,
        advice: "Set it by NTP, as the database's is: slots are wall-clock times.",
      })),
    ...living
      .filter(({ latenessP99Ms }) => (latenessP99Ms ?? 0) > LATE_MS)
      .map(({ name }) => ({
        title: `${name} starts its probes late`,
        advice: "It has more to do than its machine can. Start another poller of its location.",
      })),
  ];
}
