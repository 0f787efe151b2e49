// Where a poller finds the evidence it is to take, and where it leaves what it found. A port: with the database beside it,
// or over HTTPS.
import type { EvidenceFindings } from "@nightbell/contract";
import type { Lease } from "../../platform/lease.js";

/** A request that this poller holds for LEASE_MS. */
export interface EvidenceRequest extends Lease {
  readonly job: EvidenceJob;
}

/** What is to be probed, as the database has it; checked where it is used. */
export interface EvidenceJob {
  readonly id: string;
  readonly type: string;
  readonly target: string;
  readonly options: unknown;
  /** Set in simulated mode. */
  readonly simulation: unknown;
}

export interface EvidenceEnding {
  readonly state: "taken" | "failed";
  /** What it comes to: `9 of 10 probes failed; the path ends after hop 4 (10.0.3.1)`. */
  readonly text: string;
  readonly findings: EvidenceFindings | null;
}

export interface EvidenceSource {
  /** Takes up to `limit` requests of this poller's jobs, the most urgent first and of those the newest. */
  due(limit: number): Promise<EvidenceRequest[]>;
  /** Stores what was found, and tells the alert's timeline. Throws LeaseLostError when somebody else holds the request. */
  finish(request: EvidenceRequest, ending: EvidenceEnding): Promise<void>;
  /** Leaves the request to others. */
  giveBack(request: EvidenceRequest): Promise<void>;
}
