// What is wrong with pollers, as sentences that say what to do.
import type { Poller } from "@nightbell/contract";
import { formatSeconds } from "../../format/durations.js";
import { formatAgo } from "../../format/times.js";

/** Slots are wall-clock times: a clock that is further off measures at the wrong time. */
const CLOCK_TOLERANCE_MS = 500;
/** Five times what a loaded poller is allowed; a busy moment does not reach it. */
const LATE_MS = 250;

export interface Trouble {
  readonly title: string;
  readonly advice: string;
}

/** Those of the locations at which no poller lives. `pollers` are all there are, dead ones or not. */
export function silentLocations(locations: Iterable<string>, pollers: readonly Poller[]): string[] {
  const silent = new Set(locations);
  for (const { location, state } of pollers) if (state !== "dead") silent.delete(location);
  return [...silent];
}

/** `pollers` as above. */
export function silenceAt(location: string, pollers: readonly Poller[]): Trouble {
  const wasMeasured = pollers.some((poller) => poller.location === location);
  return {
    title: `Nothing measures from ${location}`,
    advice: `${wasMeasured ? "Every poller there has fallen silent" : "No poller runs there"}. Start one; until then its jobs have gaps.`,
  };
}

/** `now` in milliseconds since the epoch. */
export function troublesOf(pollers: readonly Poller[], now: number): Trouble[] {
  const living = pollers.filter(({ state }) => state !== "dead");
  const silent = silentLocations(
    pollers.map(({ location }) => location),
    pollers,
  );
  return [
    ...silent.map((location) => silenceAt(location, pollers)),
    ...living.flatMap((poller) => referenceTroubles(poller, now)),
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

function referenceTroubles({ name, references }: Poller, now: number): Trouble[] {
  if (references === null) return [];
  const { targets, offlineSince } = references;
  if (offlineSince !== null) {
    return [
      {
        title: `${name} went offline ${formatAgo(offlineSince, now)}`,
        advice: `None of its reference targets answers (${targets.map(({ target }) => target).join(", ")}). Misses are not held against targets; others of its location measure for it, if there are any.`,
      },
    ];
  }
  const useless = targets.filter(({ hasAnswered }) => !hasAnswered);
  if (useless.length === 0) return [];
  const reasons = useless.map(({ target, error }) => `${target}${error === null ? "" : ` (${error})`}`);
  return useless.length === targets.length
    ? [
        {
          title: `No reference target of ${name} has ever answered`,
          advice: `So ${name} does not know whether it is online, and every miss counts. Correct REFERENCE_TARGETS: ${reasons.join(", ")}.`,
        },
      ]
    : [
        {
          title: `A reference target of ${name} has never answered`,
          advice: `It does not count until it does. Correct REFERENCE_TARGETS: ${reasons.join(", ")}.`,
        },
      ];
}
