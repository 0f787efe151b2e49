export { JobMetrics } from "./job-metrics.js";
export { probeRoutes } from "./routes.js";
