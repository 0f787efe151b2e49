import type { RemoteReferences } from "@nightbell/contract";

/**
 * What a poller says of its references, with nothing that is still to come: alerts follow from it, and the poller's clock
 * may be wrong.
 */
export function notAhead(
  references: RemoteReferences | undefined,
  now: number,
): RemoteReferences | undefined {
  if (references === undefined) return undefined;
  const { targets, offlineSince, offlinePeriods } = references;
  return {
    targets,
    offlineSince: offlineSince === null ? null : Math.min(offlineSince, now),
    offlinePeriods: offlinePeriods.filter(({ from, to }) => from <= to && to <= now),
  };
}
