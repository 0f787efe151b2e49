// Which samples share a chunk. Pure.
import type { SampleRecord } from "../sample.js";
import { MAX_CHUNK_SAMPLES } from "./codec.js";

/** Errors and phases of one chunk, in characters; bounds what a reader has to unpack. */
const MAX_CHUNK_TEXT = 1_000_000;

export interface Cut {
  stepMs: number;
  samples: SampleRecord[];
}

/**
 * Cuts samples of one job at one location, sorted by slot, into runs that lie on one grid: equal differences of the
 * sequence number mean equal differences of the slot. The grid is told from the samples themselves, so that what is
 * kept can be read without the job. A change of cadence begins a new chunk, at the latest one sample after it.
 */
export function cutIntoChunks(samples: readonly SampleRecord[]): Cut[] {
  const cuts: Cut[] = [];
  let text = 0;
  for (const sample of samples) {
    const cut = cuts.at(-1);
    text += textOf(sample);
    const stepMs = cut === undefined ? null : stepTo(cut, sample);
    if (cut === undefined || stepMs === null || text > MAX_CHUNK_TEXT) {
      cuts.push({ stepMs: 1, samples: [sample] });
      text = textOf(sample);
    } else {
      cut.stepMs = stepMs;
      cut.samples.push(sample);
    }
  }
  return cuts;
}

/** The step of the run's grid if the sample lies on it as well, otherwise null. */
function stepTo({ stepMs, samples }: Cut, sample: SampleRecord): number | null {
  const [first] = samples;
  if (first === undefined || samples.length >= MAX_CHUNK_SAMPLES) return null;
  const [slots, numbers] = [sample.slot - first.slot, sample.sequenceNumber - first.sequenceNumber];
  if (samples.length > 1) return slots === numbers * stepMs ? stepMs : null;
  return numbers > 0 && slots % numbers === 0 ? slots / numbers : null;
}

function textOf({ error, phases }: SampleRecord): number {
  return (error?.length ?? 0) + (phases === null ? 0 : JSON.stringify(phases).length);
}
