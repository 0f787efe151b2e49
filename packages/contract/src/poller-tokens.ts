// Tokens with which remote pollers measure for an organisation (M19).
import { z } from "zod";
import { pageOf } from "./pagination.js";

/** A location of the organisation's own; samples, jobs and pollers know it by this name. */
export const LocationName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9-]{0,49}$/,
    "must be lower-case letters, digits and dashes, at most 50, and begin with a letter or digit",
  );

export const PollerTokenCreate = z.strictObject({
  /** What people know the token by, such as the machine it is for. */
  name: z.string().trim().min(1).max(100),
  /** Where its pollers measure from; made when the organisation does not have it. */
  location: LocationName,
});
export type PollerTokenCreate = z.infer<typeof PollerTokenCreate>;

export const PollerToken = z.object({
  id: z.string(),
  name: z.string(),
  location: z.string(),
  /** Running pollers that use it. */
  pollerCount: z.number().int(),
  createdAt: z.string(),
  /** To within a minute; null when it never was. */
  lastUsedAt: z.string().nullable(),
});
export type PollerToken = z.infer<typeof PollerToken>;

/** Shown once: only a hash of the token is kept. */
export const NewPollerToken = z.object({ ...PollerToken.shape, token: z.string() });
export type NewPollerToken = z.infer<typeof NewPollerToken>;

/** Oldest first. */
export const PollerTokenPage = pageOf(PollerToken);
export type PollerTokenPage = z.infer<typeof PollerTokenPage>;
