// Storing and reading samples, and pushing them to live streams.
export { ageSamples } from "./chunks/chunker.js";
export { chunkerMetrics } from "./chunks/chunker-metrics.js";
export { removeChunksOf } from "./chunks/remove.js";
export { keepRollups, removeRollupsOf, rollUpEndedJobs } from "./rollups/builder.js";
export { rollupMetrics } from "./rollups/builder-metrics.js";
export { LiveSamples } from "./live.js";
export { SampleNotifier } from "./notifier.js";
export { ensurePartitions } from "./partitions.js";
export { readRecent } from "./recent.js";
export { replayBetween, type ReplayedSample, replayNewest } from "./replay.js";
export { samplesRoutes } from "./routes.js";
export { confirmedOf, PostgresStore, type SampleStore, type StoreOutcome } from "./sample-store.js";
export { type Batch, type SampleRecord, statusCodes, type StrayCount, type StrayKind } from "./sample.js";
export { SUMMARY_WORK, summarizeJob } from "./completed-summary.js";
export { withNewestGrids } from "./sampled-job.js";
export { SampleWriter } from "./writer.js";
