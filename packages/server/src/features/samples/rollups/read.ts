// Long windows, told by rollups and at their ends by samples.
import type { DatabaseHandle } from "../../../platform/db.js";
import { hoursAmong } from "../chunks/hours.js";
import { rollUpByLabel } from "../history.js";
import { hourOf } from "../partitions.js";
import type { SampledJob } from "../sampled-job.js";
import { spansBetween } from "../slots.js";
import { countDue, MAX_AGGREGATED_SAMPLES, type Window } from "../window.js";
import { coverWindow, type Level } from "./levels.js";
import { builtBetween, rollupsOf } from "./queries.js";
import { Rollup } from "./rollup.js";

/**
 * What the samples of each part amount to, by the part's place. The parts lie in order in the window; but for its ends,
 * no bucket of the level crosses from one to the next. Null when so many samples are in no rollup yet that one request
 * may not read them.
 */
export async function rollUpWindow(
  database: DatabaseHandle,
  job: SampledJob,
  level: Level,
  parts: readonly Window[],
): Promise<Map<number, Rollup> | null> {
  const window = { from: parts[0]?.from ?? 0, to: parts.at(-1)?.to ?? 0 };
  const cover = coverWindow(window, level, await builtBetween(database.pool, window));
  const [byPart, ...stored] = await Promise.all([
    rollUpSamples(database, job, cover.samples, parts),
    ...cover.rollups.map(({ level: of, stretches }) => rollupsOf(database.pool, job.jobNo, of, stretches)),
  ]);
  if (byPart === null) return null;
  for (const { from, rollup } of stored.flat()) {
    const label = placeOf(parts, from);
    const whole = byPart.get(label) ?? new Rollup();
    byPart.set(label, whole);
    whole.merge(rollup);
  }
  return byPart;
}

/** Of samples in stretches of an hour at most; null when they are too many. */
async function rollUpSamples(
  database: DatabaseHandle,
  job: SampledJob,
  stretches: readonly Window[],
  parts: readonly Window[],
): Promise<Map<number, Rollup> | null> {
  const hours = await hoursAmong(
    database.pool,
    stretches.map(({ from }) => hourOf(from)),
  );
  const known = stretches.filter(({ from }) => hours.has(hourOf(from)));
  const count = known.reduce((sum, { from, to }) => sum + countDue(job.grids, from, to), 0);
  if (count > MAX_AGGREGATED_SAMPLES) return null;
  const spans = known.flatMap((stretch) =>
    parts.flatMap((part, label) =>
      spansBetween(job.grids, Math.max(part.from, stretch.from), Math.min(part.to, stretch.to), hours).map(
        (span) => ({ ...span, jobNo: job.jobNo, label }),
      ),
    ),
  );
  return rollUpByLabel(database, spans, hours);
}

/** The place of the last part that begins at or before a time. */
function placeOf(parts: readonly Window[], time: number): number {
  let [low, high] = [0, parts.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((parts[middle]?.from ?? Infinity) <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
