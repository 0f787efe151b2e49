// Takes the evidence of one job from here: a burst of probes, and beside it the path to the target. Nothing of it becomes
// a sample or is judged by rules.
import { setTimeout as delay } from "node:timers/promises";
import {
  type EvidenceFindings,
  type EvidenceProbe,
  type JobOptions,
  JobType,
  optionsByType,
  parseTarget,
  ProbeType,
  Simulation,
} from "@nightbell/contract";
import type { Clock } from "../../platform/clock.js";
import {
  createSimulatedProber,
  type OneShotProber,
  type ProbeOutcome,
  resolveHost,
} from "../probing/index.js";
import { BURST_PROBES, BURST_SPACING_MS, BURST_TIMEOUT_MS, MAX_TAKING_MS, TRACE_OPTIONS } from "./rules.js";
import { findingsText } from "./sentences.js";
import type { EvidenceEnding, EvidenceJob } from "./source.js";

export interface EvidenceTools {
  readonly prober: Pick<OneShotProber, "probe" | "trace">;
  /** Runs a trace when its turn has come: routers answer few at a time. */
  readonly inTurn: <T>(trace: () => Promise<T>) => Promise<T>;
  readonly clock: Clock;
}

/** Ends within MAX_TAKING_MS, and at once when the signal aborts. Throws when the job's row is not valid. */
export async function takeEvidence(
  job: EvidenceJob,
  tools: EvidenceTools,
  signal: AbortSignal,
): Promise<EvidenceEnding> {
  const type = JobType.parse(job.type);
  const options = optionsByType[type].parse(job.options);
  const ending = AbortSignal.any([signal, AbortSignal.timeout(MAX_TAKING_MS)]);
  const [burst, path] = await Promise.all([
    takeBurst(probeOf(job, type, options, tools), tools.clock, ending),
    takePath(job, type, options, tools, ending),
  ]);
  const findings: EvidenceFindings = { burst, ...path };
  const nothing = findings.path === null && burst.every(({ status }) => status === "system_error");
  return { state: nothing ? "failed" : "taken", text: findingsText(findings), findings };
}

type Probe = (signal: AbortSignal) => Promise<ProbeOutcome>;

/** A probe of the job's own type and options. */
function probeOf(
  job: EvidenceJob,
  type: JobType,
  options: JobOptions,
  { prober, clock }: EvidenceTools,
): Probe {
  const capped = { ...options, timeoutMs: Math.min(options.timeoutMs, BURST_TIMEOUT_MS) };
  if (job.simulation !== null) {
    const simulated = createSimulatedProber(type, Simulation.parse(job.simulation));
    const request = { target: job.target, options: capped, seed: job.id };
    return (signal) => simulated.probe({ ...request, slot: clock.now() }, signal);
  }
  return (signal) => prober.probe(ProbeType.parse(type), job.target, capped, signal);
}

async function takeBurst(probe: Probe, clock: Clock, signal: AbortSignal): Promise<EvidenceProbe[]> {
  const probes: Promise<EvidenceProbe>[] = [];
  const startedAt = clock.monotonic();
  for (let index = 0; index < BURST_PROBES && !signal.aborted; index += 1) {
    const waitMs = startedAt + index * BURST_SPACING_MS - clock.monotonic();
    await delay(Math.max(0, waitMs), undefined, { signal }).catch(() => undefined);
    if (!signal.aborted) probes.push(takeProbe(probe, clock, signal));
  }
  return Promise.all(probes);
}

async function takeProbe(probe: Probe, clock: Clock, signal: AbortSignal): Promise<EvidenceProbe> {
  const sentAt = new Date(clock.now()).toISOString();
  const { status, rttUs, errorCode, error } = await probe(signal);
  return { sentAt, status, rttMs: rttUs === null ? null : rttUs / 1_000, errorCode, error };
}

type PathFindings = Pick<EvidenceFindings, "path" | "pathProblem">;

async function takePath(
  { target, simulation }: EvidenceJob,
  type: JobType,
  options: JobOptions,
  { prober, inTurn }: EvidenceTools,
  signal: AbortSignal,
): Promise<PathFindings> {
  if (simulation !== null) return without("the job is simulated");
  const host = hostOf(type, target);
  if (host === null) return without("the job asks the name servers of the poller's system");
  const family = "family" in options ? options.family : "auto";
  const resolution = await resolveHost(host, family, { timeoutMs: BURST_TIMEOUT_MS, signal });
  if (!resolution.ok) return without(resolution.error);
  const trace = await inTurn(() => prober.trace(resolution.address, TRACE_OPTIONS, signal));
  if (trace.ok && trace.path.hops.length === 0) return without("there was no time left for it");
  return trace.ok ? { path: trace.path, pathProblem: null } : without(trace.failure.error);
}

function without(pathProblem: string): PathFindings {
  return { path: null, pathProblem };
}

/** The host that a job's probes go to; null for questions to the system's own name servers. */
function hostOf(type: JobType, text: string): string | null {
  const parsed = parseTarget(type, text);
  if (!parsed.ok) return null;
  const { target } = parsed;
  switch (target.type) {
    case "http":
    case "websocket":
      return new URL(target.url).hostname.replace(/^\[(.*)\]$/, "$1");
    case "dns":
      return target.server;
    case "heartbeat":
      return null;
    default:
      return target.host;
  }
}
