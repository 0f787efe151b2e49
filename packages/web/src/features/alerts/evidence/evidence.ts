// What is shown of a burst and of a path. Pure.
import type { EvidenceProbe, NetworkPath, PathHop } from "@nightbell/contract";

export interface BurstBar {
  readonly kind: "success" | "missed" | "system_error";
  /** Of the slowest answer, 0 to 1; 1 for what has no answer, which is drawn in another way. */
  readonly height: number;
  readonly rttMs: number | null;
  readonly error: string | null;
}

/** So much of the height is left to the fastest answer. */
const LEAST_HEIGHT = 0.12;

export function burstBars(burst: readonly EvidenceProbe[]): BurstBar[] {
  const slowest = Math.max(...burst.map((probe) => answered(probe) ?? 0));
  return burst.map((probe) => {
    const rttMs = answered(probe);
    const height = rttMs === null || slowest === 0 ? 1 : Math.max(LEAST_HEIGHT, rttMs / slowest);
    return { kind: probe.status, height, rttMs, error: probe.error };
  });
}

export interface BurstFigures {
  readonly answered: number;
  readonly minMs: number | null;
  readonly avgMs: number | null;
  readonly maxMs: number | null;
  /** What went wrong and how often, the most frequent first. */
  readonly errors: readonly { readonly text: string; readonly count: number; readonly isOurs: boolean }[];
}

export function burstFigures(burst: readonly EvidenceProbe[]): BurstFigures {
  const rtts = burst.flatMap((probe) => answered(probe) ?? []);
  const errors = new Map<string, { text: string; count: number; isOurs: boolean }>();
  for (const { status, error, errorCode } of burst) {
    if (status === "success") continue;
    const text = error ?? errorCode ?? "it failed";
    const known = errors.get(text) ?? { text, count: 0, isOurs: status === "system_error" };
    known.count += 1;
    errors.set(text, known);
  }
  return {
    answered: burst.filter(({ status }) => status === "success").length,
    minMs: rtts.length === 0 ? null : Math.min(...rtts),
    avgMs: rtts.length === 0 ? null : rtts.reduce((sum, rtt) => sum + rtt, 0) / rtts.length,
    maxMs: rtts.length === 0 ? null : Math.max(...rtts),
    errors: [...errors.values()].toSorted((a, b) => b.count - a.count),
  };
}

export interface HopRow {
  readonly hop: number;
  /** Several where the path forks; none where nobody answers. */
  readonly addresses: readonly string[];
  readonly avgMs: number | null;
  readonly minMs: number | null;
  readonly maxMs: number | null;
  /** Percent. */
  readonly loss: number;
  readonly kind: "hop" | "target" | "unreachable" | "silent";
  readonly reason: string | null;
  /** The path breaks off behind this one. */
  readonly isEnd: boolean;
}

/** Without the row in which the router where the path ends says so: its words stand at its own. */
export function hopRows({ hops, end }: NetworkPath): HopRow[] {
  return hops
    .map((hop) => ({ ...rowOf(hop), isEnd: end.kind !== "reached" && hop.hop === end.hop }))
    .filter(
      ({ hop, kind, addresses }) =>
        end.kind !== "unreachable" ||
        hop <= end.hop ||
        kind !== "unreachable" ||
        addresses.some((address) => address !== end.address),
    );
}

function rowOf({ hop, tries }: PathHop): Omit<HopRow, "isEnd"> {
  const rtts = tries.flatMap(({ rttMs }) => rttMs ?? []);
  const has = (answer: string) => tries.some((each) => each.answer === answer);
  return {
    hop,
    addresses: [...new Set(tries.flatMap(({ address }) => address ?? []))],
    avgMs: rtts.length === 0 ? null : rtts.reduce((sum, rtt) => sum + rtt, 0) / rtts.length,
    minMs: rtts.length === 0 ? null : Math.min(...rtts),
    maxMs: rtts.length === 0 ? null : Math.max(...rtts),
    loss: tries.length === 0 ? 0 : (100 * (tries.length - rtts.length)) / tries.length,
    kind: has("target") ? "target" : has("unreachable") ? "unreachable" : has("hop") ? "hop" : "silent",
    reason: tries.find(({ reason }) => reason !== null)?.reason ?? null,
  };
}

function answered({ status, rttMs }: EvidenceProbe): number | null {
  return status === "success" ? rttMs : null;
}
