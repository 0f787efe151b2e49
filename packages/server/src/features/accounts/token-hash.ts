import { createHash } from "node:crypto";

/** What the database keeps of a token: its SHA-256, which is enough for one that nobody can guess. */
export function hashOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
