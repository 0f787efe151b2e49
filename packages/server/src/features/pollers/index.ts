// The pollers of a location, how they share its jobs, and what people see of them.
export { createUndertaker, deadPollers } from "./dead.js";
export { Membership, type Load } from "./membership.js";
export { locationNumber, POLLERS_CHANNEL } from "./queries.js";
export { type OfflinePoller, offlinePollers } from "./offline.js";
export type { OfflinePeriod, ReferenceStats } from "./reference-stats.js";
export { pollerRoutes } from "./routes.js";
export { isInShare, type Share, type Shares } from "./share.js";
