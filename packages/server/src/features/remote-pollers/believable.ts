// What of a poller's word about its references is believed. Pure. Alerts follow from it, the poller's clock may be wrong,
// and whoever has a token may say anything.
import type { RemoteReferences } from "@nightbell/contract";
import type { KnownPoller, OfflinePeriod, ReferenceStats } from "../pollers/index.js";

const DAY_MS = 86_400_000;
/** As many as a poller tells. */
const MAX_PERIODS = 10;

/**
 * Nothing that is still to come, and of the times it was offline those that ended while it was known, and began when what
 * it told before was over. What was believed once stays for a day, whether it is told again or not. `known` is null before
 * its first beat.
 */
export function believable(
  references: RemoteReferences | undefined,
  known: KnownPoller | null,
  now: number,
): ReferenceStats | undefined {
  const offlinePeriods = [...(known?.offlinePeriods ?? [])];
  const startedAt = known?.startedAt ?? now;
  for (const period of (references?.offlinePeriods ?? []).toSorted((one, other) => one.from - other.from)) {
    if (isNew(period, { startedAt, last: offlinePeriods.at(-1), now })) offlinePeriods.push(period);
  }
  if (references === undefined && offlinePeriods.length === 0) return undefined;
  const { targets = [], offlineSince = null } = references ?? {};
  return {
    targets,
    offlineSince: offlineSince === null ? null : Math.min(offlineSince, now),
    offlinePeriods: offlinePeriods.filter(({ to }) => to > now - DAY_MS).slice(-MAX_PERIODS),
  };
}

function isNew(
  { from, to }: OfflinePeriod,
  { startedAt, last, now }: { startedAt: number; last: OfflinePeriod | undefined; now: number },
): boolean {
  return from < to && to > Math.max(startedAt, now - DAY_MS) && to <= now && from >= (last?.to ?? 0);
}
