// How the contract's terms are called on the screen.
import type { JobStatus, JobType, SampleStatus, TargetHealth } from "@nightbell/contract";
import type { IconName } from "../../ui/Icon.js";

export const typeLabels: Record<JobType, { label: string; explains: string }> = {
  icmp: { label: "Ping", explains: "ICMP echo round trip, timed by the kernel" },
  tcp: { label: "TCP", explains: "Time to open a connection to a port" },
  udp: { label: "UDP", explains: "One datagram and the answer to it" },
  http: { label: "HTTP", explains: "A request with checks on status, headers and body" },
  websocket: { label: "WebSocket", explains: "Opening handshake, then a message or a ping" },
  dns: { label: "DNS", explains: "One query, checked against what you expect" },
  tls: { label: "TLS", explains: "Handshake, certificate chain and days left" },
  latency_api: { label: "Latency API", explains: "An external service measures for you" },
  heartbeat: { label: "Heartbeat", explains: "The target calls Nightbell; its silence is a miss" },
};

export const statusLabels: Record<JobStatus, { label: string; icon: IconName; tone: string }> = {
  pending: { label: "Pending", icon: "clock", tone: "text-soft" },
  running: { label: "Running", icon: "pulse", tone: "text-good" },
  paused: { label: "Paused", icon: "pause", tone: "text-brass" },
  completed: { label: "Completed", icon: "check", tone: "text-signal" },
  cancelled: { label: "Cancelled", icon: "stop", tone: "text-faint" },
};

export const healthLabels: Record<
  TargetHealth,
  { label: string; icon: IconName; tone: string; explains: string }
> = {
  up: { label: "Up", icon: "arrowUp", tone: "text-good", explains: "The target answers." },
  down: {
    label: "Down",
    icon: "arrowDown",
    tone: "text-missed",
    explains: "The target missed the last probes.",
  },
  unknown: {
    label: "Unknown",
    icon: "fault",
    tone: "text-fault",
    explains: "Nightbell could not measure the target lately; that says nothing about it.",
  },
};

export const sampleLabels: Record<SampleStatus, { label: string; icon: IconName; tone: string }> = {
  success: { label: "Success", icon: "check", tone: "text-good" },
  missed: { label: "Missed", icon: "cross", tone: "text-missed" },
  system_error: { label: "System error", icon: "fault", tone: "text-fault" },
};

/** Fields of a job and of its options, as forms and the configuration call them. */
export const fieldLabels: Record<string, string> = {
  title: "Title",
  target: "Target",
  cadenceSeconds: "Cadence (s)",
  durationSeconds: "Duration (s)",
  monitoringMode: "Mode",
  locations: "Locations",
  warningRttMs: "Warning above (ms)",
  criticalRttMs: "Critical above (ms)",
  lossPercent: "Loss above (%)",
  latencyMs: "Simulated latency (ms)",
  jitterMs: "Simulated jitter (ms)",
  simulatedLossPercent: "Simulated loss (%)",
  systemErrorPercent: "Simulated errors (%)",
  outageEverySeconds: "Outage every (s)",
  outageSeconds: "Outage lasts (s)",
  timeoutMs: "Timeout",
  family: "IP version",
  payloadBytes: "Payload",
  ttl: "Hop limit",
  payload: "Payload",
  payloadFormat: "Payload is",
  expect: "Expected answer",
  expected: "Expected in it",
  subprotocol: "Subprotocol",
  message: "Message",
  method: "Method",
  version: "HTTP version",
  headers: "Request headers",
  body: "Request body",
  expectedStatuses: "Accepted statuses",
  assertions: "Assertions",
  maxRedirects: "Redirects",
  maxBodyBytes: "Largest body",
  verifyTls: "Check certificate",
  recordType: "Record type",
  transport: "Transport",
  recursionDesired: "Recursion",
  expectedRcode: "Expected result",
  expectedAnswers: "Expected answers",
  serverName: "Server name",
  verify: "Check certificate",
  minDaysLeft: "Days left at least",
  url: "Measuring service",
  graceSeconds: "Grace (s)",
};
