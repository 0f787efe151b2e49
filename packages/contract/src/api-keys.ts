// Keys with which programs call the API (P6).
import { z } from "zod";
import { Role } from "./accounts.js";
import { pageOf } from "./pagination.js";

export const ApiKeyCreate = z.strictObject({
  /** What it is for, such as the program that uses it. */
  name: z.string().trim().min(1).max(100),
  /** What it may do: no more than its maker, now and later. */
  role: Role,
  /** Null for a key that is valid until it is revoked. */
  expiresInDays: z.number().int().min(1).max(3_650).nullable().default(365),
});
export type ApiKeyCreate = z.input<typeof ApiKeyCreate>;

export const ApiKey = z.object({
  id: z.uuid(),
  name: z.string(),
  role: Role,
  createdAt: z.string(),
  expiresAt: z.string().nullable(),
  /** To within a minute; null when it never was. */
  lastUsedAt: z.string().nullable(),
});
export type ApiKey = z.infer<typeof ApiKey>;

/** Shown once: only a hash of the key is kept. */
export const NewApiKey = z.object({ ...ApiKey.shape, token: z.string() });
export type NewApiKey = z.infer<typeof NewApiKey>;

/** Newest first. */
export const ApiKeyPage = pageOf(ApiKey);
export type ApiKeyPage = z.infer<typeof ApiKeyPage>;
