import type { Sample } from "@nightbell/contract";
import type { LiveSample } from "./series.js";

export interface Rows {
  /** Newest first, each once. */
  samples: Sample[];
  /** How many of them came in live and stand on no page yet. */
  liveCount: number;
}

/** The fetched pages with what came in live since. */
export function rowsOf(fetched: readonly Sample[], live: readonly LiveSample[]): Rows {
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
  return { samples, liveCount: fresh.length };
}

export function keyOf(sample: Sample): string {
  return `${sample.scheduledAt} ${sample.location}`;
}
