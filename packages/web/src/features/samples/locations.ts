import type { Job, Sample } from "@nightbell/contract";

/** A location that was silent for so many slots is not waited for any more. */
const SLOTS = 3;
/** Samples are stored in batches, of each location by itself. */
const ON_THE_WAY_MS = 15_000;

/** Those of the job's locations from which nothing came lately, while it came from others or from none at all. */
export function unmeasuredLocations(
  { locations, cadenceSeconds }: Pick<Job, "locations" | "cadenceSeconds">,
  samples: readonly Pick<Sample, "location" | "scheduledAt">[],
): string[] {
  const newestMs = Math.max(...samples.map(({ scheduledAt }) => Date.parse(scheduledAt)));
  const sinceMs = newestMs - SLOTS * 1_000 * cadenceSeconds - ON_THE_WAY_MS;
  const recent = samples.filter(({ scheduledAt }) => Date.parse(scheduledAt) >= sinceMs);
  const measured = new Set(recent.map(({ location }) => location));
  return locations.filter((location) => !measured.has(location));
}
