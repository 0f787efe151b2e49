import { z } from "zod";

export const HealthStatus = z.enum(["ok", "warning", "critical"]);
export type HealthStatus = z.infer<typeof HealthStatus>;

export const Health = z.object({
  status: HealthStatus,
  timestamp: z.string(),
  /** Seconds since the process started. */
  uptime: z.number(),
  metrics: z.object({
    cpuPercent: z.number(),
    memoryPercent: z.number(),
    heapPercent: z.number(),
    rssBytes: z.number(),
    eventLoopLagMs: z.number(),
    /** Connections of this process, and when the database last answered it. */
    database: z.object({
      used: z.number(),
      waiting: z.number(),
      size: z.number(),
      percent: z.number(),
      lastAnswerAt: z.string().nullable(),
      /** Null while it answers. */
      unavailableSince: z.string().nullable(),
    }),
  }),
  /** A sentence for each threshold that is passed, and for each part that does not answer. */
  alerts: z.array(
    z.object({ level: z.enum(["warning", "critical"]), metric: z.string(), message: z.string() }),
  ),
});
export type Health = z.infer<typeof Health>;
