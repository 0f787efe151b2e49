// What a poller makes of the others it sees. Pure; durations in milliseconds.
import type { BucketSet } from "./buckets.js";

/** Without renewal a poller counts as dead after this; its jobs are measured by others within 5 s (M8). */
export const LEASE_MS = 3_000;
/** Between two renewals, and two looks at the others. */
export const BEAT_MS = 500;

export type MemberState = "joining" | "active" | "leaving";

/** Another poller of the same location that shares its jobs live. */
export interface Member {
  readonly id: string;
  readonly state: MemberState | "dead";
  /** What is left of its lease; negative when it has run out. */
  readonly leaseMs: number;
  /** What it holds. */
  readonly buckets: BucketSet;
  /** It cannot reach its own reference targets, and so measures nothing (M16). */
  readonly isOffline: boolean;
}

/**
 * The pollers among which the buckets are shared now, in order: `self` and those it counts on, of these only who is
 * online, as long as anybody is. `trusted` are those who were counted before the database was away: they are about to
 * come back.
 */
export function countMembers(
  self: { readonly id: string; readonly isOffline: boolean },
  others: readonly Member[],
  trusted: ReadonlySet<string>,
): string[] {
  const counted = others.filter(({ id, state, leaseMs }) =>
    trusted.has(id) ? state === "active" || state === "joining" : state === "active" && leaseMs > 0,
  );
  const all = [self, ...counted];
  const online = all.filter(({ isOffline }) => !isOffline);
  return (online.length > 0 ? online : all).map(({ id }) => id).toSorted();
}

/**
 * The state to be seen in. A poller whose lease had run out may have been replaced, and one that is offline has been if
 * others are online (`isReplaced`): both come back as joining, until they have read their jobs again.
 */
export function nextState(
  state: MemberState,
  { hadLapsed, isReplaced, holdsShare }: { hadLapsed: boolean; isReplaced: boolean; holdsShare: boolean },
): MemberState {
  if (state === "leaving") return "leaving";
  if (hadLapsed || isReplaced) return "joining";
  return holdsShare ? "active" : state;
}

/** The others that take over from a poller that leaves. */
export function heirsAmong(others: readonly Member[]): Member[] {
  return others.filter(({ state, leaseMs }) => (state === "active" || state === "joining") && leaseMs > 0);
}

/**
 * Since when the database can be reached without a break. While it cannot, leases cannot be renewed, and one that has
 * run out says nothing about its holder: pollers then have a lease's length to come back.
 */
export class Contact {
  #lastAt = -Infinity;
  #since = -Infinity;

  /** The database has done what it was asked to. */
  note(monotonicMs: number): void {
    if (this.isLost(monotonicMs)) this.#since = monotonicMs;
    this.#lastAt = monotonicMs;
  }

  /** For so long that a lease renewed at the last contact has run out. */
  isLost(monotonicMs: number): boolean {
    return monotonicMs - this.#lastAt > LEASE_MS;
  }

  /** Whether a lease that has run out is to be believed. */
  isSettled(monotonicMs: number): boolean {
    return !this.isLost(monotonicMs) && monotonicMs - this.#since > LEASE_MS;
  }
}
