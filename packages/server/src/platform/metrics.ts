// Metrics of one process, and their union over the processes of this program, as Prometheus reads them.
import { AggregatorRegistry, collectDefaultMetrics, type Registry } from "prom-client";

export type MetricsJson = Awaited<ReturnType<Registry["getMetricsAsJSON"]>>;

export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Gauges that the library names like counters, which `promtool check metrics` refuses. */
const MISNAMED = [
  "nodejs_active_handles_total",
  "nodejs_active_requests_total",
  "nodejs_active_resources_total",
];

/** CPU, memory, event loop and garbage collection of this process, told apart from others by its role. */
export function addProcessMetrics(registry: Registry, role: string): void {
  collectDefaultMetrics({ register: registry, labels: { role } });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
}

/** The text format of several processes' metrics; values with the same labels are summed. */
export function exposition(processes: readonly MetricsJson[]): Promise<string> {
  // The library leaves out what cannot be summed, such as start times; here their labels tell them apart.
  const kept = processes.map((metrics) =>
    metrics.map((metric) => (isOmitted(metric) ? { ...metric, aggregator: "first" } : metric)),
  );
  return AggregatorRegistry.aggregate(kept).metrics();
}

function isOmitted(metric: object): boolean {
  return "aggregator" in metric && metric.aggregator === "omit";
}
