// What a probe found, under the metric names of blackbox_exporter. Pure.
import { isIpv6, type JobType } from "@nightbell/contract";
import { Gauge, type Registry } from "prom-client";
import type { ProbeNotes, ProbeOutcome } from "../probing/index.js";

export interface ProbeFindings {
  readonly type: JobType;
  readonly outcome: ProbeOutcome;
  readonly notes: ProbeNotes;
  readonly durationMs: number;
}

/** Our phases by the names that blackbox_exporter gives them; those a probe did not reach are 0. */
const httpPhases = {
  resolve: "dns",
  connect: "connect",
  tls: "tls",
  processing: "firstByte",
  transfer: "transfer",
};
const dnsPhases = { resolve: "dns", connect: "connect", request: "query" };

/** Adds the metrics of one probe to a registry of its own. */
export function addProbeMetrics(
  registry: Registry,
  { type, outcome, notes, durationMs }: ProbeFindings,
): void {
  const gauge = (name: string, help: string, value: number) =>
    new Gauge({ name, help, registers: [registry] }).set(value);
  const byPhase = (name: string, help: string, seconds: Record<string, number>) => {
    const metric = new Gauge({ name, help, labelNames: ["phase"], registers: [registry] });
    for (const [phase, value] of Object.entries(seconds)) metric.set({ phase }, value);
  };
  const inSeconds = (names: Record<string, string>) =>
    Object.fromEntries(
      Object.entries(names).map(([theirs, ours]) => [theirs, (outcome.phases?.[ours] ?? 0) / 1_000]),
    );

  gauge(
    "probe_success",
    "Whether the target answered rightly and in time",
    outcome.status === "success" ? 1 : 0,
  );
  gauge("probe_duration_seconds", "Time that the whole probe took", durationMs / 1_000);
  gauge(
    "probe_dns_lookup_time_seconds",
    "Time until the target's name was resolved",
    (outcome.phases?.["dns"] ?? 0) / 1_000,
  );
  if (outcome.address !== null) {
    gauge("probe_ip_protocol", "Version of IP that was probed", isIpv6(outcome.address) ? 6 : 4);
  }
  if (outcome.errorCode !== null) {
    const failure = new Gauge({
      name: "nightbell_probe_failure_info",
      help: "Why the probe failed, by the code that samples carry",
      labelNames: ["code"],
      registers: [registry],
    });
    failure.set({ code: outcome.errorCode }, 1);
  }
  if (type === "http") {
    byPhase("probe_http_duration_seconds", "Time by phase, summed over redirects", inSeconds(httpPhases));
    gauge("probe_http_status_code", "Status of the last answer, 0 without one", notes.httpStatus ?? 0);
    gauge("probe_http_ssl", "Whether TLS was used", outcome.phases?.["tls"] === undefined ? 0 : 1);
  }
  if (type === "dns") {
    byPhase("probe_dns_duration_seconds", "Time by phase", inSeconds(dnsPhases));
  }
  if (type === "icmp" && outcome.rttUs !== null) {
    byPhase("probe_icmp_duration_seconds", "Round trip by kernel time stamps", { rtt: outcome.rttUs / 1e6 });
  }
  if (notes.certificateExpiresAt !== undefined) {
    gauge(
      "probe_ssl_earliest_cert_expiry",
      "When the first certificate of the chain expires, in Unix time",
      notes.certificateExpiresAt / 1_000,
    );
  }
}
