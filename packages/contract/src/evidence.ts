// What was seen at the moment an alert opened: a burst of probes, and the path to the target (M17).
import { z } from "zod";
import { ErrorCode, SampleStatus } from "./probes.js";

export const MAX_PATH_HOPS = 30;
/** Of each hop. */
export const MAX_PATH_TRIES = 10;
const MAX_BURST_PROBES = 20;

const address = z.string().max(45);
const sentence = z.string().max(1_000);

/** One echo request with a limited time to live, and who answered. */
export const PathTry = z.object({
  /** `hop`: a router at which it ran out; `target`: the target itself; `unreachable`: a router that knows no way on. */
  answer: z.enum(["hop", "target", "unreachable"]).nullable(),
  address: address.nullable(),
  rttMs: z.number().nullable(),
  /** Of `unreachable`, what it says: `the host is unreachable`. */
  reason: sentence.nullable(),
});
export type PathTry = z.infer<typeof PathTry>;

export const PathHop = z.object({
  /** The time to live with which its tries were sent. */
  hop: z.number().int().min(1).max(MAX_PATH_HOPS),
  tries: z.array(PathTry).max(MAX_PATH_TRIES),
});
export type PathHop = z.infer<typeof PathHop>;

/** Where a path ends: at the target, at a router that says that there is no way on, or where nobody answers any more. */
export const PathEnd = z.object({
  kind: z.enum(["reached", "unreachable", "silent"]),
  /** The last hop that answered; 0 when none did. */
  hop: z.number().int().min(0).max(MAX_PATH_HOPS),
  address: address.nullable(),
  reason: sentence.nullable(),
});
export type PathEnd = z.infer<typeof PathEnd>;

/** A path by ICMP echo requests, whatever the job measures. */
export const NetworkPath = z.object({
  /** Where it leads. */
  address,
  hops: z.array(PathHop).max(MAX_PATH_HOPS),
  end: PathEnd,
});
export type NetworkPath = z.infer<typeof NetworkPath>;

/** A probe of a burst; never a sample. */
export const EvidenceProbe = z.object({
  sentAt: z.iso.datetime(),
  status: SampleStatus,
  rttMs: z.number().nullable(),
  errorCode: ErrorCode.nullable(),
  error: sentence.nullable(),
});
export type EvidenceProbe = z.infer<typeof EvidenceProbe>;

export const EvidenceFindings = z.object({
  /** Probes of the job's own type and options, in the order of sending. */
  burst: z.array(EvidenceProbe).max(MAX_BURST_PROBES),
  path: NetworkPath.nullable(),
  /** Why there is no path. */
  pathProblem: sentence.nullable(),
});
export type EvidenceFindings = z.infer<typeof EvidenceFindings>;

/** `failed`: the poller could not measure; `expired`: nobody came to it while it still said something about the moment. */
export const EvidenceState = z.enum(["requested", "taken", "failed", "expired"]);
export type EvidenceState = z.infer<typeof EvidenceState>;

/** The evidence of one location about one alert. */
export const AlertEvidence = z.object({
  location: z.string(),
  state: EvidenceState,
  requestedAt: z.string(),
  endedAt: z.string().nullable(),
  /** What it comes to, or why there is none; null while it is requested. */
  text: z.string().nullable(),
  findings: EvidenceFindings.nullable(),
});
export type AlertEvidence = z.infer<typeof AlertEvidence>;
