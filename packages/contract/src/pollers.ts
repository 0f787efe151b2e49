import { z } from "zod";
import { pageOf } from "./pagination.js";

/**
 * `joining`: measures its share, the others not yet relying on it; `leaving`: measures until the others have taken over;
 * `dead`: fell silent, kept for a day.
 */
export const PollerState = z.enum(["joining", "active", "leaving", "dead"]);
export type PollerState = z.infer<typeof PollerState>;

/** A process that measures jobs from a location. */
export const Poller = z.object({
  id: z.string(),
  name: z.string(),
  location: z.string(),
  /** `remote`: without access to the database. */
  kind: z.enum(["local", "remote"]),
  /** `live`: shares the jobs with whoever is there; `static`: REPLICA_ID of REPLICA_COUNT. */
  sharing: z.enum(["live", "static"]),
  state: PollerState,
  /** Running jobs of your organisation that it measures; 0 when dead. */
  jobCount: z.number().int(),
  /** Of all that it measures, over the last seconds. */
  samplesPerSecond: z.number(),
  latenessP99Ms: z.number().nullable(),
  memoryBytes: z.number().int(),
  /** How far its clock is behind the database's. */
  clockOffsetMs: z.number().int().nullable(),
  /** Since it last renewed its lease. */
  leaseAgeMs: z.number().int(),
  version: z.string(),
  startedAt: z.string(),
  diedAt: z.string().nullable(),
});
export type Poller = z.infer<typeof Poller>;

/** By location, then name. */
export const PollerPage = pageOf(Poller);
export type PollerPage = z.infer<typeof PollerPage>;
