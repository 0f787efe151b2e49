export { accountRoutes } from "./routes.js";
export { removeExpiredSessions, Sessions } from "./sessions.js";
