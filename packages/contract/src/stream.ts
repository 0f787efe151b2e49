import { z } from "zod";
import { Job } from "./jobs.js";
import { Sample } from "./samples.js";

/** Topics are named by kind and id: `job:<uuid>`; several are separated by commas. */
export const StreamQuery = z.strictObject({
  topics: z
    .string()
    .transform((text) => text.split(","))
    .pipe(
      z
        .array(z.string().regex(/^job:[0-9a-f-]{36}$/i, "must be job:<id>"))
        .min(1)
        .max(100),
    ),
});

/**
 * What arrives on `GET /api/stream`. Every event carries an id to resume from with `Last-Event-ID`;
 * after a resume an event may arrive twice, told apart by `scheduledAt` and `location`.
 */
export const StreamEvent = z.discriminatedUnion("type", [
  z.object({ type: z.literal("samples"), jobId: z.uuid(), samples: z.array(Sample) }),
  z.object({ type: z.literal("job"), jobId: z.uuid(), job: Job.nullable() }),
]);
export type StreamEvent = z.infer<typeof StreamEvent>;
