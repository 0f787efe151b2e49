// What pollers tell about the evidence they take; `nightbell_evidence_…` in /metrics.
import { Counter, Gauge, type Registry } from "prom-client";

export type EvidenceMetrics = ReturnType<typeof evidenceMetrics>;

export function evidenceMetrics(registry: Registry) {
  const registers = [registry];
  const total = new Counter({
    name: "nightbell_evidence_total",
    help: "Evidence of alerts by what became of it; lost: somebody else had taken it meanwhile",
    labelNames: ["state"],
    registers,
  });
  return {
    underWay: new Gauge({
      name: "nightbell_evidence_under_way",
      help: "Evidence of alerts that is being taken",
      registers,
    }),
    ended: (state: "taken" | "failed" | "lost") => total.inc({ state }),
  };
}
