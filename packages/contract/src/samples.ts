import { z } from "zod";
import { PageQuery, pageOf } from "./pagination.js";
import { ErrorCode, Phases, SampleStatus } from "./probes.js";

export const Sample = z.object({
  /** k of the grid `epoch + phase + k·cadence`; never falls (M6). */
  sequenceNumber: z.number().int(),
  scheduledAt: z.string(),
  recordedAt: z.string(),
  status: SampleStatus,
  rttMs: z.number().nullable(),
  /** Absolute difference to the previous successful RTT of the job at the location (M4). */
  jitterMs: z.number().nullable(),
  latenessMs: z.number(),
  errorCode: ErrorCode.nullable(),
  error: z.string().nullable(),
  phases: Phases.nullable(),
  location: z.string(),
});
export type Sample = z.infer<typeof Sample>;

const instant = z.iso.datetime({ offset: true });

export const MAX_SAMPLES = 500;
export const MAX_SERIES_POINTS = 500;

/** Newest first. */
export const SamplesQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(MAX_SAMPLES).default(MAX_SAMPLES),
  cursor: z.string().min(1).max(500).optional(),
  from: instant.optional(),
  to: instant.optional(),
});
export type SamplesQuery = z.input<typeof SamplesQuery>;

export const SamplePage = pageOf(Sample);
export type SamplePage = z.infer<typeof SamplePage>;

/** Of a summary: `from` inclusive, `to` exclusive; by default the whole job. */
export const WindowQuery = z.strictObject({ from: instant.optional(), to: instant.optional() });
/** By default the job's last hour. */
export const SeriesQuery = z.strictObject({
  from: instant.optional(),
  to: instant.optional(),
  points: z.coerce.number().int().min(1).max(MAX_SERIES_POINTS).default(MAX_SERIES_POINTS),
});
export type SeriesQuery = z.input<typeof SeriesQuery>;

export const SeriesPoint = z.object({
  from: z.string(),
  to: z.string(),
  avgRttMs: z.number().nullable(),
  minRttMs: z.number().nullable(),
  maxRttMs: z.number().nullable(),
  p95RttMs: z.number().nullable(),
  sampleCount: z.number().int(),
  missedCount: z.number().int(),
  systemErrorCount: z.number().int(),
  /** Slots of the grid in the bucket; more than `sampleCount` is a gap. */
  expectedCount: z.number().int(),
});
export type SeriesPoint = z.infer<typeof SeriesPoint>;

export const Series = z.object({
  /** `raw` when every point holds one slot, otherwise the bucket's length such as `10s`. */
  resolution: z.string(),
  /** The window that is answered: later than the one asked for where that holds more than one request may read. */
  from: z.string(),
  to: z.string(),
  /** Oldest first. A point whose `expectedCount` is 0 is a stretch in which the job did not run. */
  points: z.array(SeriesPoint),
});
export type Series = z.infer<typeof Series>;

export const RollupResolution = z.enum(["5m", "1h", "1d"]);
export type RollupResolution = z.infer<typeof RollupResolution>;

/** Newest first; by default the whole job. */
export const RollupsQuery = z.strictObject({
  resolution: RollupResolution.default("1h"),
  ...PageQuery.pick({ limit: true, cursor: true }).shape,
  from: instant.optional(),
  to: instant.optional(),
});
export type RollupsQuery = z.output<typeof RollupsQuery>;

/** What the samples of a job amount to in a bucket of 5 minutes, an hour or a day (UTC), over all its locations. */
export const Rollup = z.object({
  from: z.string(),
  to: z.string(),
  sampleCount: z.number().int(),
  successCount: z.number().int(),
  missedCount: z.number().int(),
  systemErrorCount: z.number().int(),
  /** Slots of the grid in the bucket; more than `sampleCount` is a gap. */
  expectedCount: z.number().int(),
  lossPercent: z.number().nullable(),
  avgRttMs: z.number().nullable(),
  minRttMs: z.number().nullable(),
  maxRttMs: z.number().nullable(),
  /** Percentiles are within 1 % of the samples'. */
  p50RttMs: z.number().nullable(),
  p95RttMs: z.number().nullable(),
  p99RttMs: z.number().nullable(),
  stddevRttMs: z.number().nullable(),
  avgJitterMs: z.number().nullable(),
  maxJitterMs: z.number().nullable(),
});
export type Rollup = z.infer<typeof Rollup>;

export const RollupPage = pageOf(Rollup);
export type RollupPage = z.infer<typeof RollupPage>;

export const Summary = z.object({
  sampleCount: z.number().int(),
  expectedCount: z.number().int(),
  successCount: z.number().int(),
  missedCount: z.number().int(),
  systemErrorCount: z.number().int(),
  /** `missed` over `success + missed`; null without either. */
  lossPercent: z.number().nullable(),
  avgRttMs: z.number().nullable(),
  minRttMs: z.number().nullable(),
  maxRttMs: z.number().nullable(),
  p50RttMs: z.number().nullable(),
  p95RttMs: z.number().nullable(),
  p99RttMs: z.number().nullable(),
  stddevRttMs: z.number().nullable(),
  avgJitterMs: z.number().nullable(),
  maxJitterMs: z.number().nullable(),
  /** Replies that came more than once, and replies that came after their timeout (ICMP). */
  duplicateReplies: z.number().int(),
  lateReplies: z.number().int(),
  from: z.string(),
  to: z.string(),
});
export type Summary = z.infer<typeof Summary>;
