// How the contract's terms are called on the screen.
import type { JobStatus, JobType, SampleStatus } from "@nightbell/contract";
import type { IconName } from "../../ui/Icon.js";

export const typeLabels: Record<JobType, { label: string; explains: string }> = {
  icmp: { label: "Ping", explains: "ICMP echo round trip, timed by the kernel" },
  tcp: { label: "TCP", explains: "Time to open a connection to a port" },
  http: { label: "HTTP", explains: "A request with checks on status, headers and body" },
  dns: { label: "DNS", explains: "One query, checked against what you expect" },
  tls: { label: "TLS", explains: "Handshake, certificate chain and days left" },
  latency_api: { label: "Latency API", explains: "An external service measures for you" },
};

export const statusLabels: Record<JobStatus, { label: string; icon: IconName; tone: string }> = {
  pending: { label: "Pending", icon: "clock", tone: "text-soft" },
  running: { label: "Running", icon: "pulse", tone: "text-good" },
  paused: { label: "Paused", icon: "pause", tone: "text-brass" },
  completed: { label: "Completed", icon: "check", tone: "text-signal" },
  cancelled: { label: "Cancelled", icon: "stop", tone: "text-faint" },
};

export const sampleLabels: Record<SampleStatus, { label: string; icon: IconName; tone: string }> = {
  success: { label: "Success", icon: "check", tone: "text-good" },
  missed: { label: "Missed", icon: "cross", tone: "text-missed" },
  system_error: { label: "System error", icon: "fault", tone: "text-fault" },
};
