// Idempotency-Key on creation: the key commits with what it created, so a repeated request finds either both or neither.
import { createHash } from "node:crypto";
import { sql } from "kysely";
import { z } from "zod";
import type { Db, Tx } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";

/** Header of the routes that take a key; other headers pass through. */
export const IdempotencyHeaders = z.looseObject({
  "idempotency-key": z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, "must have 1 to 255 printable ASCII characters without spaces")
    .optional(),
});

export interface IdempotencyClaim {
  readonly key: string;
  /** SHA-256 of the route and the parsed body: the same key may not be used for something else. */
  readonly requestHash: Buffer;
}

const DAY_MS = 86_400_000;
const REMOVAL_BATCH = 10_000;

export function claimOf(key: string | undefined, route: string, body: unknown): IdempotencyClaim | null {
  if (key === undefined) return null;
  const requestHash = createHash("sha256")
    .update(JSON.stringify([route, body]))
    .digest();
  return { key, requestHash };
}

/**
 * Takes the key for `ids`, or returns the ids that an earlier request created under it. A request that runs at the same
 * time waits here for the other to commit. Throws `idempotency_mismatch`.
 */
export async function claimKey(
  tx: Tx,
  organisationId: string,
  claim: IdempotencyClaim,
  ids: readonly string[],
  now: number,
): Promise<string[] | null> {
  const { rows: claimed } = await sql`
    insert into idempotency_keys (organisation_id, key, request_hash, job_ids, expires_at)
    values (${organisationId}, ${claim.key}, ${claim.requestHash}, ${ids}::uuid[], ${new Date(now + DAY_MS)})
    on conflict (organisation_id, key) do update
      set request_hash = excluded.request_hash, job_ids = excluded.job_ids, expires_at = excluded.expires_at
      where idempotency_keys.expires_at <= ${new Date(now)}
    returning key`.execute(tx);
  if (claimed.length > 0) return null;
  const earlier = await tx
    .selectFrom("idempotency_keys")
    .select(["request_hash", "job_ids"])
    .where("organisation_id", "=", organisationId)
    .where("key", "=", claim.key)
    .executeTakeFirstOrThrow();
  if (!earlier.request_hash.equals(claim.requestHash)) {
    throw new NightbellError(
      "idempotency_mismatch",
      "This Idempotency-Key was used with another request; use a new key for a new request.",
    );
  }
  return earlier.job_ids;
}

/** A task of the scheduler; served by idempotency_keys_by_expiry. */
export async function removeExpiredKeys(db: Db, now: number): Promise<void> {
  for (;;) {
    const { rows } = await sql`
      delete from idempotency_keys where ctid = any(array(
        select ctid from idempotency_keys where expires_at <= ${new Date(now)} limit ${REMOVAL_BATCH}))
      returning key`.execute(db);
    if (rows.length < REMOVAL_BATCH) return;
  }
}
