// What the answers of a path's hops amount to. Pure.
import type { PathEnd, PathHop, PathTry } from "@nightbell/contract";

/** A broken path is shown, and tried again, so many hops beyond the last that answered. */
const SILENT_TAIL = 2;

/** Where a path ends. The target's word counts most, then that of a router that says there is no way on. */
export function pathEnd(hops: readonly PathHop[]): PathEnd {
  const target = answerOf(hops, "target");
  if (target !== null) return { kind: "reached", ...target, reason: null };
  const refusal = answerOf(hops, "unreachable");
  if (refusal !== null) {
    // A router speaks of the way beyond it: it is one hop nearer than the packet would have gone.
    const self = hops.find(({ tries }) => tries.some(({ address }) => address === refusal.address));
    return { kind: "unreachable", ...refusal, hop: self?.hop ?? refusal.hop };
  }
  const last = hops.findLast(({ tries }) => tries.some(({ answer }) => answer !== null));
  return { kind: "silent", hop: last?.hop ?? 0, address: addressesOf(last)[0] ?? null, reason: null };
}

/** The highest hop worth showing and trying again. */
export function pathLength(hops: readonly PathHop[], maxHops: number): number {
  const end = hops.find(({ tries }) =>
    tries.some(({ answer }) => answer === "target" || answer === "unreachable"),
  );
  return end?.hop ?? Math.min(maxHops, pathEnd(hops).hop + SILENT_TAIL);
}

/** Who answered at a hop; several where the path forks. */
export function addressesOf(hop: PathHop | undefined): string[] {
  return [...new Set((hop?.tries ?? []).flatMap(({ address }) => address ?? []))];
}

/** The end of a sentence: `the path ends after hop 4 (10.0.3.1)`. */
export function pathText({ kind, hop, address, reason }: PathEnd): string {
  const at = address === null ? `hop ${hop}` : `hop ${hop} (${address})`;
  switch (kind) {
    case "reached":
      return `the path reaches ${address ?? "the target"} in ${hop} ${hop === 1 ? "hop" : "hops"}`;
    case "unreachable":
      return `the path ends at ${at}, which says: ${reason ?? "there is no way on"}`;
    case "silent":
      return hop === 0 ? "no hop of the path answers" : `the path ends after ${at}`;
  }
}

function answerOf(
  hops: readonly PathHop[],
  wanted: PathTry["answer"],
): { hop: number; address: string | null; reason: string | null } | null {
  for (const { hop, tries } of hops) {
    const found = tries.find(({ answer }) => answer === wanted);
    if (found !== undefined) return { hop, address: found.address, reason: found.reason };
  }
  return null;
}
