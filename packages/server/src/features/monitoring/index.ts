export { startHealthServer } from "./health-server.js";
export { monitoringRoutes } from "./routes.js";
