export { accountRoutes } from "./routes.js";
export { createAuthenticate, removeExpiredSessions } from "./sessions.js";
