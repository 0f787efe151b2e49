import { Counter, Gauge, Histogram, type Registry } from "prom-client";

export type DropReason = "buffer_full" | "spool_failed" | "invalid" | "stopped";

/** Metrics of the sample writer; asked twice for the same registry it returns the same ones. */
export function writerMetrics(registry: Registry) {
  const registers = [registry];
  const once = <Metric>(name: string, create: (name: string) => Metric): Metric =>
    (registry.getSingleMetric(name) as Metric | undefined) ?? create(name);
  return {
    buffered: once(
      "nightbell_samples_buffered",
      (name) => new Gauge({ name, help: "Samples in memory that wait for their write", registers }),
    ),
    stored: once(
      "nightbell_samples_stored_total",
      (name) => new Counter({ name, help: "Samples written to the database", registers }),
    ),
    conflicts: once(
      "nightbell_samples_conflicts_total",
      (name) => new Counter({ name, help: "Samples whose slot was already stored", registers }),
    ),
    spooled: once(
      "nightbell_samples_spooled_total",
      (name) => new Counter({ name, help: "Samples written to the spool on disk", registers }),
    ),
    dropped: once(
      "nightbell_samples_dropped_total",
      (name) => new Counter({ name, help: "Samples lost, by reason", labelNames: ["reason"], registers }),
    ),
    spoolBytes: once(
      "nightbell_spool_bytes",
      (name) => new Gauge({ name, help: "Size of the spool on disk", registers }),
    ),
    spoolDroppedBytes: once(
      "nightbell_spool_dropped_bytes_total",
      (name) =>
        new Counter({ name, help: "Bytes of the oldest spooled samples dropped at the bound", registers }),
    ),
    flushSeconds: once(
      "nightbell_sample_flush_seconds",
      (name) =>
        new Histogram({
          name,
          help: "Duration of the write of one batch",
          buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
          registers,
        }),
    ),
  };
}
