// Which alerts have evidence, and for how long it is worth taking.
import type { AlertSeverity, JobType } from "@nightbell/contract";

/** Later than this it says nothing about the moment at which the alert opened. */
export const FRESH_MS = 60_000;

/** Probes of a burst, and how far apart they are sent. */
export const BURST_PROBES = 10;
export const BURST_SPACING_MS = 200;
/** A probe of a burst waits no longer than this, so that all of it fits into MAX_TAKING_MS. */
export const BURST_TIMEOUT_MS = 10_000;
export const TRACE_OPTIONS = { maxHops: 30, tries: 3, timeoutMs: 1_000 };
/** Then it ends with what is known. */
export const MAX_TAKING_MS = 15_000;

/**
 * A heartbeat has nobody to probe. The service behind latency_api measures for us and counts requests: ten more at once
 * could be refused, and that would say nothing about the target.
 */
const TYPES_WITHOUT: readonly string[] = ["heartbeat", "latency_api"] satisfies JobType[];

export function hasEvidence(type: string): boolean {
  return !TYPES_WITHOUT.includes(type);
}

/** What is taken first when there is more than can be taken. */
export function urgencyOf(severity: AlertSeverity): number {
  return { info: 0, warning: 1, critical: 2 }[severity];
}
