// The pollers of a location, how they share its jobs, and what people see of them.
export { createUndertaker, deadPollers } from "./dead.js";
export { Membership, type Load } from "./membership.js";
export { bucketOf, hasBucket } from "./buckets.js";
export { type OfflinePoller, offlinePollers } from "./offline.js";
export {
  isNewsAt,
  type KnownPoller,
  knownPoller,
  locationNumber,
  notifyPollers,
  POLLERS_CHANNEL,
  readMembers,
  removePoller,
  renew,
} from "./queries.js";
export type { OfflinePeriod, ReferenceStats } from "./reference-stats.js";
export { type Beat, PostgresRoster, type Roster } from "./roster.js";
export { pollerRoutes } from "./routes.js";
export type { Member } from "./rules.js";
export { isInShare, isMeasuredAt, type LivePart, type Place, type Share, type Shares } from "./share.js";
