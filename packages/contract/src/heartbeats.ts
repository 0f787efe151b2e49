import { z } from "zod";
import { JobStatus } from "./jobs.js";

/** What fits into the error of a sample beside the sentence around it; the rest is cut off, for the beat matters more. */
const MAX_MESSAGE_LENGTH = 300;
const MAX_DURATION_MS = 31_536_000_000;

const message = z
  .string()
  .describe("Of a run; shown as the reason of a failed one")
  .transform((text) => text.trim().slice(0, MAX_MESSAGE_LENGTH).toWellFormed())
  .optional();

/** A shell variable that is not set leaves an empty text, which must not cost the beat. */
const durationMs = z
  .preprocess(
    (value) => (value === "" ? undefined : value),
    z.coerce.number().min(0).max(MAX_DURATION_MS, "must be at most a year in milliseconds").optional(),
  )
  .describe("How long the run took; the RTT of the samples that it makes a success");

/** What may stand beside a beat, in the query or in a JSON body; the query wins. Unknown fields are ignored. */
export const BeatQuery = z.object({ message, durationMs });
export type BeatQuery = z.output<typeof BeatQuery>;
export const BeatBody = BeatQuery.nullish();

/** So that somebody who tries the address by hand sees what it did. */
export const BeatReceipt = z.object({ receivedAt: z.string(), jobStatus: JobStatus });
export type BeatReceipt = z.infer<typeof BeatReceipt>;

export const Beat = z.object({
  at: z.string(),
  kind: z.enum(["ok", "fail"]),
  durationMs: z.number().nullable(),
  message: z.string().nullable(),
});
export type Beat = z.infer<typeof Beat>;

export const Heartbeat = z.object({
  /** When its address was made; null while it has none. */
  tokenCreatedAt: z.string().nullable(),
  lastBeat: Beat.nullable(),
});
export type Heartbeat = z.infer<typeof Heartbeat>;

/** Shown once: only a hash of the token is kept. */
export const HeartbeatToken = z.object({
  token: z.string(),
  /** Where beats go, on this server. */
  path: z.string(),
});
export type HeartbeatToken = z.infer<typeof HeartbeatToken>;
