// Storing and reading samples, and pushing them to live streams.
export { ensurePartitions } from "./partitions.js";
export { type SampleRouteOptions, samplesRoutes } from "./routes.js";
export { type SampleRecord, statusCodes, type StatusCode, type StrayKind } from "./sample.js";
export { SampleWriter, type SampleWriterOptions, type SampleWriterStats } from "./writer.js";
