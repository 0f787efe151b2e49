// Storing and reading samples, and pushing them to live streams.
export { ensurePartitions } from "./partitions.js";
export { statusCodes, type SampleRecord, type StatusCode, type StrayKind } from "./sample.js";
export { SampleWriter, type SampleWriterOptions, type SampleWriterStats } from "./writer.js";
