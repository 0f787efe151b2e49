// Jobs whose target calls us: where it calls, and what its silence means.
export { type HeartbeatRow, readHeartbeats } from "./queries.js";
export { heartbeatRoutes } from "./routes.js";
export { judgeBeat, type LastBeat } from "./rules.js";
