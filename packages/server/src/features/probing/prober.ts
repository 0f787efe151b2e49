import type { ErrorCode, JobType, Phases, SampleStatus } from "@nightbell/contract";

/** What a single try of a probe found. */
export interface ProbeOutcome {
  /** `missed`: the target did not answer in time or answered wrongly. `system_error`: we failed; never held against the target. */
  status: SampleStatus;
  /** Whole microseconds; null unless the target answered, rightly or wrongly. A success may need no answer (udp). */
  rttUs: number | null;
  errorCode: ErrorCode | null;
  /** A sentence a person understands: `connection refused by 10.0.0.5:5432`. */
  error: string | null;
  /** Milliseconds by phase name, and `certificateDaysLeft` where there is a certificate; null for types without phases. */
  phases: Phases | null;
  /** The numeric address that was measured, null when there was none. */
  address: string | null;
}

/** What a try learned beyond its outcome, for those who ask; filled in while it runs. */
export interface ProbeNotes {
  httpStatus?: number;
  /** When the first certificate of the chain that was sent expires, milliseconds since the epoch. */
  certificateExpiresAt?: number;
}

export interface ProbeRequest<Options> {
  /** As the person typed it; already validated by the contract's target schema for the type. */
  target: string;
  options: Options;
  /** The grid slot this try belongs to, milliseconds since the epoch; the simulator is a function of it. */
  slot: number;
  /** Identifies the job for reproducible simulation; any stable string. */
  seed: string;
  notes?: ProbeNotes | undefined;
}

/**
 * One way of measuring a target. `probe` never throws and never outlives `options.timeoutMs` by more than 20 ms;
 * when `signal` aborts it ends within 20 ms as `system_error` with code `cancelled`.
 */
export interface Prober<Options> {
  readonly type: JobType;
  probe(request: ProbeRequest<Options>, signal: AbortSignal): Promise<ProbeOutcome>;
}
