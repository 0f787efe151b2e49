import { z } from "zod";
import { pageOf } from "./pagination.js";

/**
 * `joining`: measures its share, the others not yet relying on it; `leaving`: measures until the others have taken over;
 * `dead`: fell silent, kept for a day.
 */
export const PollerState = z.enum(["joining", "active", "leaving", "dead"]);
export type PollerState = z.infer<typeof PollerState>;

/**
 * Whether a poller is online at all, by the reference targets it was given (REFERENCE_TARGETS). One that has never
 * answered since the poller started does not count.
 */
export const PollerReferences = z.object({
  targets: z.array(
    z.object({
      /** `icmp://10.0.0.1`, `tcp://10.0.0.2:53` */
      target: z.string(),
      isReachable: z.boolean(),
      hasAnswered: z.boolean(),
      /** Why the last probe had no answer; null when it had one. */
      error: z.string().nullable(),
    }),
  ),
  /** Since when none of those that count answers; null while one does. */
  offlineSince: z.string().nullable(),
});
export type PollerReferences = z.infer<typeof PollerReferences>;

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
  /** Null when it was given none. */
  references: PollerReferences.nullable(),
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
