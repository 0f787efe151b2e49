// What a poller tells about itself; `nightbell_poller_…` in /metrics.
import type { JobType, SampleStatus } from "@nightbell/contract";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { Clock } from "../../platform/clock.js";
import { RecentLateness } from "./recent-lateness.js";

/** What the gauges read at the moment of a scrape. */
export interface PollerGauges {
  jobs: () => number;
  inFlight: () => number;
  waiting: () => number;
  concurrencyLimit: () => number;
}

export type PollerMetrics = ReturnType<typeof pollerMetrics>;

export function pollerMetrics(registry: Registry, clock: Clock, gauges: PollerGauges) {
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: `nightbell_poller_${name}`,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge("jobs", "Jobs this poller measures", gauges.jobs);
  gauge("probes_in_flight", "Probes that have no result yet", gauges.inFlight);
  gauge("probes_waiting", "Connection-type probes that wait for a place", gauges.waiting);
  gauge("concurrency_limit", "Connection-type probes that may be under way at once", gauges.concurrencyLimit);
  const lateness = new Histogram({
    name: "nightbell_poller_lateness_seconds",
    help: "Time from a probe's slot to its start",
    labelNames: ["type"],
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1],
    registers,
  });
  const probes = new Counter({
    name: "nightbell_poller_probes_total",
    help: "Probes with a result",
    labelNames: ["type", "status"],
    registers,
  });
  const recentLateness = new RecentLateness(clock.monotonic());
  return {
    /** Results a second and their lateness, over the last seconds. */
    recent: () => recentLateness.read(clock.monotonic()),
    skippedSlots: new Counter({
      name: "nightbell_poller_skipped_slots_total",
      help: "Slots that were given up because their time had passed",
      registers,
    }),
    timeJumps: new Counter({
      name: "nightbell_poller_time_jumps_total",
      help: "Times that the wall clock stepped or the process stood still for more than a second",
      registers,
    }),
    probe(type: JobType, status: SampleStatus, latenessUs: number) {
      recentLateness.note(latenessUs, clock.monotonic());
      lateness.observe({ type }, latenessUs / 1e6);
      probes.inc({ type, status });
    },
  };
}
