import { Counter, Gauge, type Registry } from "prom-client";
import type { Chunk } from "./codec.js";

/** What Postgres adds to the columns of a chunk: header and fixed columns of its row, and its index entry. */
const ROW_BYTES = 130;

export type ChunkerMetrics = ReturnType<typeof chunkerMetrics>;

/** Metrics of ageing. */
export function chunkerMetrics(registry: Registry) {
  const registers = [registry];
  const samples = new Counter({
    name: "nightbell_chunked_samples_total",
    help: "Samples packed into chunks",
    registers,
  });
  const bytes = new Counter({
    name: "nightbell_chunk_bytes_total",
    help: "Size of the chunks they were packed into, rows and index included, phases not",
    registers,
  });
  return {
    hours: new Counter({
      name: "nightbell_chunk_passes_total",
      help: "Hours whose samples were packed into chunks",
      registers,
    }),
    late: new Counter({
      name: "nightbell_late_samples_packed_total",
      help: "Samples that came after their hour was packed, and were packed into its chunks",
      registers,
    }),
    lagSeconds: new Gauge({
      name: "nightbell_chunk_lag_seconds",
      help: "How long the oldest hour that waits to be packed has been due",
      registers,
    }),
    packed(chunks: readonly Chunk[]): void {
      samples.inc(chunks.reduce((sum, chunk) => sum + chunk.sampleCount, 0));
      bytes.inc(
        chunks.reduce((sum, chunk) => sum + chunk.measures.length + chunk.details.length + ROW_BYTES, 0),
      );
    },
  };
}
