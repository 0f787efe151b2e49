// Pollers without access to the database (M19): their tokens, what the server does for them, and their own side.
export { FeedListener } from "./client/feed-listener.js";
export { Link, RevokedError } from "./client/link.js";
export { RemoteEvidence } from "./client/remote-evidence.js";
export { RemoteJobs } from "./client/remote-jobs.js";
export { RemoteRoster } from "./client/remote-roster.js";
export { RemoteStore } from "./client/remote-store.js";
export { type RemoteArguments, type RemoteSettings, remoteSettings } from "./client/settings.js";
export { remotePollerRoutes } from "./routes.js";
export { pollerTokenRoutes } from "./token-routes.js";
