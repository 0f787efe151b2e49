// The path to an address: echo requests whose time to live rises hop by hop, and who says that it ran out.
//
// The first try of each hop goes in waves that end as soon as the target has answered, so that it is not asked by all the
// hops beyond it; the later tries follow once it is known how far the path goes. So they come a second apart where hops
// are silent: routers answer few such packets a second (Linux one to a host, after six at once).
import { setTimeout as delay } from "node:timers/promises";
import type { NetworkPath, PathHop, PathTry } from "@nightbell/contract";
import { icmpError, sendFailure } from "../icmp-outcome.js";
import { ResultKind, type IcmpResult } from "../icmp/index.js";
import type { OneShotIcmp } from "../one-shot-icmp.js";
import type { Failure } from "../outcome.js";
import { pathEnd, pathLength } from "./path.js";

export interface TraceOptions {
  readonly maxHops: number;
  /** Of each hop. */
  readonly tries: number;
  /** How long each waits for its answer. */
  readonly timeoutMs: number;
  /** A try of a hop has ended; the array is the hop's tries so far. */
  readonly onTry?: (hop: number, tries: readonly PathTry[]) => void;
}

export type Trace = { ok: true; path: NetworkPath } | { ok: false; failure: Failure };

/** Hops of a wave. */
const WAVE_HOPS = 8;
/** Between two hops of a wave, so that answers do not come as a burst. */
const SPACING_MS = 20;
const PAYLOAD_BYTES = 56;

const SILENCE: PathTry = { answer: null, address: null, rttMs: null, reason: null };

/**
 * Traces the path to a numeric address. Never throws; takes at most some `maxHops / 8 + tries` timeouts. When the signal
 * aborts it ends at once with what is known. `ok` is false when nothing could be sent.
 */
export async function traceRoute(
  icmp: OneShotIcmp,
  address: string,
  { maxHops, tries, timeoutMs, onTry }: TraceOptions,
  signal: AbortSignal,
): Promise<Trace> {
  const hops: PathHop[] = [];
  const failures: Failure[] = [];
  const probe = async (hop: PathHop): Promise<void> => {
    const request = { payloadBytes: PAYLOAD_BYTES, ttl: hop.hop, timeoutMs };
    const outcome = await icmp.echo<PathTry | Failure>(address, request, signal, {
      result: (result) => readTry(result, address),
      failure: (failure) => failure,
    });
    if ("code" in outcome) failures.push(outcome);
    if (signal.aborted) return;
    hop.tries.push("code" in outcome ? SILENCE : outcome);
    onTry?.(hop.hop, hop.tries);
  };
  const probeAll = async (some: readonly PathHop[], isWanted: () => boolean): Promise<void> => {
    const probes: Promise<void>[] = [];
    for (const hop of some) {
      if (signal.aborted || !isWanted()) break;
      probes.push(probe(hop));
      await delay(SPACING_MS, undefined, { signal }).catch(() => undefined);
    }
    await Promise.all(probes);
  };

  while (hops.length < maxHops && isOpen(hops) && !signal.aborted) {
    const wave = Array.from({ length: Math.min(WAVE_HOPS, maxHops - hops.length) }, (_, index) => ({
      hop: hops.length + index + 1,
      tries: [],
    }));
    hops.push(...wave);
    await probeAll(wave, () => isOpen(hops));
  }
  for (let round = 1; round < tries && !signal.aborted; round += 1)
    await probeAll(hops.slice(0, pathLength(hops, maxHops)), () => true);
  const [failure] = failures;
  const end = pathEnd(hops);
  if (failure !== undefined && end.kind === "silent" && end.hop === 0) return { ok: false, failure };
  const shown = hops.slice(0, pathLength(hops, maxHops)).filter((hop) => hop.tries.length > 0);
  return { ok: true, path: { address, hops: shown, end } };
}

/** Whether there may be more beyond the hops that were asked. */
function isOpen(hops: readonly PathHop[]): boolean {
  return pathEnd(hops).kind === "silent";
}

function readTry(result: IcmpResult, address: string): PathTry | Failure {
  const rttMs = Math.round(result.rttNs / 1_000) / 1_000;
  switch (result.kind) {
    case ResultKind.reply:
      return { answer: "target", address, rttMs, reason: null };
    case ResultKind.icmpError: {
      const { code, words } = icmpError(result);
      if (code === "ttl_exceeded") return { answer: "hop", address: result.source, rttMs, reason: null };
      return { answer: "unreachable", address: result.source, rttMs, reason: words };
    }
    case ResultKind.sendError:
      return sendFailure(result.errno, address);
    case ResultKind.overloaded:
      return { code: "overloaded", error: "an answer may have been lost: our receive buffer was full" };
    default:
      return SILENCE;
  }
}
