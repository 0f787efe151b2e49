import { Counter, Gauge, type Registry } from "prom-client";

export type RollupMetrics = ReturnType<typeof rollupMetrics>;

export function rollupMetrics(registry: Registry) {
  const registers = [registry];
  const hours = new Counter({
    name: "nightbell_rollups_built_total",
    help: "Hours whose rollups were built, or built again for samples that came late",
    registers,
  });
  const seconds = new Counter({
    name: "nightbell_rollup_build_seconds_total",
    help: "Time that building them took",
    registers,
  });
  return {
    lagSeconds: new Gauge({
      name: "nightbell_rollup_lag_seconds",
      help: "How long the oldest hour that waits for its rollups has been due",
      registers,
    }),
    built(durationSeconds: number): void {
      hours.inc();
      seconds.inc(durationSeconds);
    },
  };
}
