export { findJob } from "./find.js";
export { countSlots, type Grid, type LocatedGrid, sequenceOf, slotBefore, slotFrom } from "./grid.js";
export { removeExpiredKeys } from "./idempotency.js";
export { completeJobs, completeOverdueJobs, forgetDeletedJobs, startPendingJobs } from "./lifecycle.js";
export { JOBS_CHANNEL, readGrids, selectJobs } from "./queries.js";
export { type JobRouteOptions, jobRoutes } from "./routes.js";
export { EDITOR, type JobRow, jobToApi } from "./row.js";
