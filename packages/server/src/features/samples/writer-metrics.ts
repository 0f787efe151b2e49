import { Counter, Gauge, Histogram, type Registry } from "prom-client";

export type DropReason = "buffer_full" | "spool_failed" | "invalid" | "obsolete" | "stopped";

/** Metrics of the sample writer. */
export function writerMetrics(registry: Registry) {
  const registers = [registry];
  return {
    buffered: new Gauge({
      name: "nightbell_samples_buffered",
      help: "Samples in memory that wait for their write",
      registers,
    }),
    stored: new Counter({
      name: "nightbell_samples_stored_total",
      help: "Samples written to the database",
      registers,
    }),
    conflicts: new Counter({
      name: "nightbell_samples_conflicts_total",
      help: "Samples whose slot was already stored",
      registers,
    }),
    spooled: new Counter({
      name: "nightbell_samples_spooled_total",
      help: "Samples written to the spool on disk",
      registers,
    }),
    dropped: new Counter({
      name: "nightbell_samples_dropped_total",
      help: "Samples lost, by reason",
      labelNames: ["reason"],
      registers,
    }),
    spoolBytes: new Gauge({ name: "nightbell_spool_bytes", help: "Size of the spool on disk", registers }),
    spoolDroppedBytes: new Counter({
      name: "nightbell_spool_dropped_bytes_total",
      help: "Bytes of the oldest spooled samples dropped at the bound",
      registers,
    }),
    flushSeconds: new Histogram({
      name: "nightbell_sample_flush_seconds",
      help: "Duration of the write of one batch",
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
  };
}
