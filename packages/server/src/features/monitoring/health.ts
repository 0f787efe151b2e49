// From numbers to a verdict (P5). Pure.
import type { Health } from "@nightbell/contract";

type Metrics = Health["metrics"];
type Alert = Health["alerts"][number];

/** What passes for a moment without meaning anything, such as a busy start: the lowest of the last readings. */
export interface Sustained {
  /** Undefined until there are enough readings. */
  readonly cpuPercent: number | undefined;
}

interface Threshold {
  readonly metric: string;
  /** Percent, and undefined while there is too little to say. */
  readonly read: (metrics: Metrics, sustained: Sustained) => number | undefined;
  readonly warning: number;
  readonly critical: number;
  readonly advice: string;
}

const thresholds: readonly Threshold[] = [
  {
    metric: "memory",
    read: (metrics) => metrics.memoryPercent,
    warning: 80,
    critical: 90,
    advice: "give the machine more memory, or move a role to another one",
  },
  {
    metric: "cpu",
    read: (_metrics, sustained) => sustained.cpuPercent,
    warning: 70,
    critical: 90,
    advice: "add a core, or move a role to another machine",
  },
  {
    metric: "heap",
    read: (metrics) => metrics.heapPercent,
    warning: 80,
    critical: 90,
    advice: "raise --max-old-space-size in NODE_OPTIONS",
  },
  {
    metric: "connections",
    read: (metrics) => metrics.database.percent,
    warning: 70,
    critical: 90,
    advice: "raise DATABASE_POOL_SIZE, or look for slow queries in the log",
  },
];

/** The worst of what is wrong, and a sentence for each. */
export function assess(
  metrics: Metrics,
  sustained: Sustained,
): { status: Health["status"]; alerts: Alert[] } {
  const alerts = thresholds.flatMap((threshold): Alert[] => {
    const value = threshold.read(metrics, sustained);
    if (value === undefined) return [];
    const level = value >= threshold.critical ? "critical" : value >= threshold.warning ? "warning" : null;
    if (level === null) return [];
    const message = `${threshold.metric} at ${value} % (${level} from ${threshold[level]} %): ${threshold.advice}`;
    return [{ level, metric: threshold.metric, message }];
  });
  const { unavailableSince } = metrics.database;
  if (unavailableSince !== null) {
    const message = `the database has not answered since ${unavailableSince}: nothing can be read or changed; pollers measure on and keep what they measure`;
    alerts.push({ level: "critical", metric: "database", message });
  }
  return { status: worst(alerts), alerts };
}

export function worst(alerts: readonly Alert[]): Health["status"] {
  if (alerts.some((alert) => alert.level === "critical")) return "critical";
  return alerts.length > 0 ? "warning" : "ok";
}
