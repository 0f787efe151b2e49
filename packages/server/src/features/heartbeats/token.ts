// The secret in a heartbeat's address: whoever has it can say that the job is well. The database keeps its hash.
import { createHash, randomBytes } from "node:crypto";

const TOKEN_BYTES = 24;
/** What such a token looks like; nothing else is looked up. */
export const TOKEN = /^[\w-]{32}$/;

export function newToken(): string {
  return randomBytes(TOKEN_BYTES).toString("base64url");
}

export function hashOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
