// Storing and reading samples, and pushing them to live streams.
export { ensurePartitions } from "./partitions.js";
export { samplesRoutes } from "./routes.js";
export { type SampleRecord, statusCodes, type StrayKind } from "./sample.js";
export { SampleWriter } from "./writer.js";
