// Was the poller online while a probe was under way? Decided from rounds, in each of which every reference target is
// asked once. Pure; times are monotonic milliseconds.
import { type ErrorCode, statusOfError } from "@nightbell/contract";
import type { ProbeOutcome } from "../prober.js";

/** Between the starts of two rounds. */
export const ROUND_MS = 1_000;
/** A reference that takes longer does not answer. */
export const REFERENCE_TIMEOUT_MS = 1_000;
/** So many rounds in a row without any answer make a poller offline, and so many with one online again. */
export const ROUNDS_TO_TURN = 3;

/**
 * So many rounds before a probe count as well. An outage heals piece by piece: a neighbour that was asked for in vain is
 * asked for again after a second (RFC 4861, and ARP in the same way), routes take longer; the reference may be back first.
 */
const ROUNDS_BEFORE = 3;

/** What asking a reference came to: `unasked` when it was we who failed, for a reason that is not the network. */
export type Answer = "answered" | "silent" | "unasked";

/** `unknown`: no reference that counts could be asked. */
export type Verdict = "open" | "online" | "offline" | "unknown";

export interface Round {
  readonly startedAt: number;
  readonly verdict: Verdict;
}

/** That somebody refuses or resets a connection, only somebody can say whom we reach. */
const SIGNS_OF_LIFE: ReadonlySet<ErrorCode | null> = new Set<ErrorCode>([
  "connection_refused",
  "connection_reset",
]);

export function answerOf({ status, errorCode }: Pick<ProbeOutcome, "status" | "errorCode">): Answer {
  if (status === "success" || SIGNS_OF_LIFE.has(errorCode)) return "answered";
  const isNetwork = errorCode === "no_route" || (errorCode !== null && statusOfError(errorCode) === "missed");
  return isNetwork ? "silent" : "unasked";
}

/**
 * What a round says so far; an answer is null until it is there. A reference that has never answered `counts` for
 * nothing: a wrong setting must not turn every miss into our fault.
 */
export function verdictOf(asked: readonly { answer: Answer | null; counts: boolean }[]): Verdict {
  if (asked.some(({ answer }) => answer === "answered")) return "online";
  if (asked.some(({ answer }) => answer === null)) return "open";
  return asked.some(({ answer, counts }) => counts && answer === "silent") ? "offline" : "unknown";
}

/**
 * Whether a probe without success says something about its target: `missed`; or nothing, as we were `offline` ourselves
 * meanwhile or just before; or whether that is not known yet: `open`. Decided by the rounds from the last ones before it
 * was sent to the first one when its answer was due, since the usual answer takes less than a second; later ones until its
 * end count as well, as any of them may break a long exchange. Rounds in the order of their start.
 */
export function judgeMiss(
  rounds: readonly Round[],
  { sentAt, endedAt }: { sentAt: number; endedAt: number },
): "missed" | "offline" | "open" {
  const dueAt = Math.min(endedAt, sentAt + ROUND_MS);
  let first: Round | null = null;
  let isOpen = false;
  let before = 0;
  // From the newest back: for the misses of a moment these are a few rounds of many.
  for (let index = rounds.length - 1; index >= 0; index -= 1) {
    const round = rounds[index];
    if (round === undefined) break;
    if (round.startedAt >= dueAt) first = round;
    if (round.startedAt > endedAt) continue;
    if (round.verdict === "offline") return "offline";
    isOpen ||= round.verdict === "open";
    if (round.startedAt < sentAt) before += 1;
    if (before === ROUNDS_BEFORE) break;
  }
  if (first?.verdict === "offline") return "offline";
  return first === null || first.verdict === "open" || isOpen ? "open" : "missed";
}

/** What the rounds so far amount to. */
export interface Connectivity {
  readonly isOffline: boolean;
  /** When the stretch of rounds began that say otherwise than `isOffline`, and how many there are; null when none does. */
  readonly turn: { readonly since: number; readonly rounds: number } | null;
}

export const ONLINE: Connectivity = { isOffline: false, turn: null };

/** Takes in the next round, which started at `at`. A lost packet is no outage: it takes some rounds to turn. */
export function afterRound(
  { isOffline, turn }: Connectivity,
  verdict: Verdict,
  at: number,
): { next: Connectivity; turnedAt: number | null } {
  if (verdict === "open" || verdict === "unknown") return { next: { isOffline, turn }, turnedAt: null };
  const contradicts = isOffline === (verdict === "online");
  if (!contradicts) return { next: { isOffline, turn: null }, turnedAt: null };
  const { since, rounds } = turn ?? { since: at, rounds: 0 };
  if (rounds + 1 < ROUNDS_TO_TURN)
    return { next: { isOffline, turn: { since, rounds: rounds + 1 } }, turnedAt: null };
  return { next: { isOffline: !isOffline, turn: null }, turnedAt: since };
}
