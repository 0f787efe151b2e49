import { Counter, Gauge, type Registry } from "prom-client";

/** How a poller sees the pollers of its location. */
export function membershipMetrics(registry: Registry, memberCount: () => number) {
  const registers = [registry];
  const members = new Gauge({
    name: "nightbell_poller_members",
    help: "Pollers that this one shares the jobs of its location with, itself included; 0 in static mode",
    registers,
    collect() {
      this.set(memberCount());
    },
  });
  return {
    members,
    takeovers: new Counter({
      name: "nightbell_poller_takeovers_total",
      help: "Pollers that fell silent and whose jobs were taken over by this one and others",
      registers,
    }),
  };
}
