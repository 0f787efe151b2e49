// An upload of a remote poller: judged, stored, confirmed, and given to the alert rules.
import type { UploadBody, UploadReceipt, UploadRefusal } from "@nightbell/contract";
import type { DatabaseHandle } from "../../platform/db.js";
import { confirmedOf, type SampleStore } from "../samples/index.js";
import { jobNosOf, judgeUpload, MAX_AGE_MS, MAX_AHEAD_MS, type Refused } from "./judge-upload.js";
import { gridsOf } from "./queries.js";
import type { TokenHolder } from "./tokens.js";
import type { UploadedAlerts } from "./uploaded-alerts.js";

export interface UploadContext {
  readonly database: DatabaseHandle;
  readonly store: SampleStore;
  readonly alerts: UploadedAlerts;
}

/**
 * Resolves once everything that is not refused is committed; sent again it changes nothing. Throws when the database
 * cannot be used, in which case any part may have been stored.
 */
export async function receiveUpload(
  { database, store, alerts }: UploadContext,
  holder: TokenHolder,
  { id, number, changedJobs, samples, strays }: UploadBody,
  now: number,
): Promise<UploadReceipt> {
  const window = { from: now - MAX_AGE_MS, to: now + MAX_AHEAD_MS };
  const grids = await gridsOf(database.db, holder, jobNosOf(samples, strays), window);
  const { batch, indexes, refused } = judgeUpload({ samples, strays }, grids, holder.locationNo, now);
  // Commit boundary: killed after it, the poller sends the samples again, and the database has them.
  const outcome = await store.store(batch, now);
  const { storedCount, rejected } = outcome;
  for (const { value } of rejected) {
    const index = indexes.get(value);
    if (index !== undefined) refused.push({ index, reason: "not_storable" });
  }
  const upload = { poller: `${holder.id} ${id}`, number, changedJobs };
  alerts.stored(upload, confirmedOf(batch, outcome), now);
  return { storedCount, refused: byReason(refused) };
}

/** An upload of nonsense is answered with few bytes for each of its samples. */
function byReason(refused: readonly Refused[]): UploadReceipt["refused"] {
  const indexes = new Map<UploadRefusal, number[]>();
  for (const { index, reason } of refused) {
    const ofReason = indexes.get(reason);
    if (ofReason === undefined) indexes.set(reason, [index]);
    else ofReason.push(index);
  }
  return [...indexes].map(([reason, ofReason]) => ({ reason, indexes: ofReason }));
}
