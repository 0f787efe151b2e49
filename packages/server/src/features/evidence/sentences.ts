// What evidence comes to, in words for people.
import type { EvidenceFindings, EvidenceProbe } from "@nightbell/contract";
import { pathText } from "../probing/index.js";

/** `9 of 10 probes failed; the path ends after hop 4 (10.0.3.1)`. */
export function findingsText({ burst, path, pathProblem }: EvidenceFindings): string {
  const parts = [burstText(burst)];
  if (path !== null) parts.push(pathText(path.end));
  else if (pathProblem !== null) parts.push(`no path: ${pathProblem}`);
  return parts.join("; ");
}

function burstText(burst: readonly EvidenceProbe[]): string {
  const count = burst.length;
  const countOf = (status: EvidenceProbe["status"]) =>
    burst.filter((probe) => probe.status === status).length;
  const [missed, broken] = [countOf("missed"), countOf("system_error")];
  if (count === 0) return "no probe was sent";
  if (broken === count) return `the poller could not probe: ${burst[0]?.error ?? "it failed"}`;
  const ours = broken === 0 ? "" : `, ${broken} could not be made`;
  if (missed > 0) return `${missed} of ${count} probes failed${ours}`;
  const rtts = burst.flatMap(({ rttMs }) => rttMs ?? []);
  const average = rtts.reduce((sum, rtt) => sum + rtt, 0) / rtts.length;
  const took = rtts.length === 0 ? "" : `, in ${Number(average.toPrecision(3))} ms on average`;
  return `${count - broken} of ${count} probes were answered${took}${ours}`;
}
