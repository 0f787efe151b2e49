// What the evaluator tells about itself; `nightbell_alert_…` in /metrics.
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { Applied } from "./apply.js";

export type AlertMetrics = ReturnType<typeof alertMetrics>;

export function alertMetrics(registry: Registry, gauges: { states: () => number; queued: () => number }) {
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: `nightbell_alert_${name}`,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge("states", "Pairs of a rule and a job at a location that are evaluated", gauges.states);
  gauge("decisions_queued", "Changes of such states that wait for the database", gauges.queued);
  const changes = new Counter({
    name: "nightbell_alert_changes_total",
    help: "Alerts that were opened, suppressed or resolved, or are open anew",
    labelNames: ["change"],
    registers,
  });
  return {
    evaluated: new Counter({
      name: "nightbell_alert_samples_evaluated_total",
      help: "Samples that alert rules looked at",
      registers,
    }),
    rebuilt: new Counter({
      name: "nightbell_alert_jobs_rebuilt_total",
      help: "Jobs whose state was read from history: taken over, or their rules changed",
      registers,
    }),
    decisionSeconds: new Histogram({
      name: "nightbell_alert_decision_seconds",
      help: "Time from a stored sample that changes a state to the commit of what follows",
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    decided(counts: Applied["counts"]) {
      for (const [change, count] of Object.entries(counts)) if (count > 0) changes.inc({ change }, count);
    },
  };
}
