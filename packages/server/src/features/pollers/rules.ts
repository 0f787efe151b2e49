// What a poller makes of the others it sees. Pure; durations in milliseconds.
import { isCovered, type BucketSet } from "./buckets.js";

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
}

/**
 * The pollers among which the buckets are shared now, `self` included, in order. `trusted` are those whose lease may
 * have run out for want of the database rather than of life.
 */
export function countMembers(
  self: string,
  others: readonly Member[],
  trusted: ReadonlySet<string>,
): string[] {
  const counted = others.filter(
    ({ id, state, leaseMs }) => state === "active" && (leaseMs > 0 || trusted.has(id)),
  );
  return [self, ...counted.map(({ id }) => id)].toSorted();
}

/**
 * The state to be seen in. A poller whose lease had run out may have been replaced: it comes back as joining, unless it
 * still holds its share; then the others may let go of it at once.
 */
export function nextState(
  state: MemberState,
  { hadLapsed, holdsShare }: { hadLapsed: boolean; holdsShare: boolean },
): MemberState {
  if (state === "leaving" || holdsShare) return state === "joining" ? "active" : state;
  return hadLapsed ? "joining" : state;
}

/** Whether a leaving poller is needed no more: nobody is there to take over, or what it holds is held by others. */
export function mayLeave(held: BucketSet, others: readonly Member[]): boolean {
  const staying = others.filter(
    ({ state, leaseMs }) => (state === "active" || state === "joining") && leaseMs > 0,
  );
  return (
    staying.length === 0 ||
    isCovered(
      held,
      staying.map(({ buckets }) => buckets),
    )
  );
}

/**
 * How long the database was out of reach, and since when it is not: as long as leases cannot be renewed, one that has
 * run out says nothing about its holder. Pollers have a lease's length to come back.
 */
export class Contact {
  #lastAt = -Infinity;
  #since = -Infinity;

  /** The database has answered. True when the contact had been lost. */
  note(monotonicMs: number): boolean {
    const wasLost = monotonicMs - this.#lastAt > LEASE_MS;
    if (wasLost) this.#since = monotonicMs;
    this.#lastAt = monotonicMs;
    return wasLost;
  }

  /** Whether leases that have run out are believed. */
  isSettled(monotonicMs: number): boolean {
    return monotonicMs - this.#since > LEASE_MS;
  }
}
