import type { Sample } from "@nightbell/contract";
import type { LiveSample } from "./series.js";

export interface Rows {
  /** Newest first, each once, the newest `limit` of them. */
  samples: Sample[];
  /** How many of them came in live and stand on no page yet. */
  liveCount: number;
}

/**
 * The fetched pages with what came in live since. Each live one on top pushes one out at the bottom, as long as there are
 * older ones to load: a page that is left open does not grow.
 */
export function rowsOf(
  fetched: readonly Sample[],
  live: readonly LiveSample[],
  limit = Number.POSITIVE_INFINITY,
): Rows {
  const oldest = fetched.at(-1)?.scheduledAt;
  const known = new Set(fetched.map(keyOf));
  const fresh: Sample[] = [];
  for (const { sample } of live) {
    const key = keyOf(sample);
    // Older than what is shown, it comes with its page.
    if (known.has(key) || (oldest !== undefined && sample.scheduledAt < oldest)) continue;
    known.add(key);
    fresh.push(sample);
  }
  const samples = [...fresh, ...fetched].sort((a, b) => (a.scheduledAt < b.scheduledAt ? 1 : -1));
  return { samples: samples.slice(0, limit), liveCount: fresh.length };
}

export function keyOf(sample: Sample): string {
  return `${sample.scheduledAt} ${sample.location}`;
}
