export { type HealthServerOptions, type RunningHealthServer, startHealthServer } from "./health-server.js";
export { type MonitoringOptions, monitoringRoutes } from "./routes.js";
