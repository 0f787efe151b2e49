import { z } from "zod";
import { Alert, AlertEvent } from "./alerts.js";
import { Job } from "./jobs.js";
import { Sample } from "./samples.js";

/** Topics: `job:<uuid>`, and `alerts` for all alerts of the organisation; several are separated by commas. */
export const StreamQuery = z.strictObject({
  topics: z
    .string()
    .transform((text) => text.split(","))
    .pipe(
      z
        .array(z.string().regex(/^(?:job:[0-9a-f-]{36}|alerts)$/i, "must be job:<id> or alerts"))
        .min(1)
        .max(100),
    ),
});

/**
 * What arrives on `GET /api/stream`. Every event carries an id to resume from with `Last-Event-ID`;
 * after a resume an event may arrive twice: samples are told apart by `scheduledAt` and `location`, lines of an alert's
 * timeline by their `id`.
 */
export const StreamEvent = z.discriminatedUnion("type", [
  z.object({ type: z.literal("samples"), jobId: z.uuid(), samples: z.array(Sample) }),
  z.object({ type: z.literal("job"), jobId: z.uuid(), job: Job.nullable() }),
  /** The alert as it is now, and what happened to it. */
  z.object({ type: z.literal("alert"), alert: Alert, event: AlertEvent }),
]);
export type StreamEvent = z.infer<typeof StreamEvent>;
