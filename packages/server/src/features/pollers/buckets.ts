// Jobs are shared among pollers in buckets, each owned by one poller. A set of buckets is a bit mask in the order of
// Postgres' get_bit, so that SQL can ask whether a job is in it.

/** So many that the shares of a few pollers differ by some percent only, and a set of them still fits into its row. */
export const BUCKETS = 8_192;

/** A bit for each bucket. */
export type BucketSet = Buffer;

/** The bucket of a job; the same arithmetic as the SQL function job_bucket. */
export function bucketOf(jobNo: number): number {
  return Math.imul(jobNo, 2_654_435_761) >>> 19;
}

export function emptyBuckets(): BucketSet {
  return Buffer.alloc(BUCKETS / 8);
}

export function addBucket(set: BucketSet, bucket: number): void {
  set[bucket >> 3] = (set[bucket >> 3] ?? 0) | (1 << (bucket & 7));
}

export function hasBucket(set: BucketSet, bucket: number): boolean {
  return (((set[bucket >> 3] ?? 0) >> (bucket & 7)) & 1) === 1;
}

/** Whether each bucket of `set` is in at least one of `others`. */
export function isCovered(set: BucketSet, others: readonly BucketSet[]): boolean {
  return set.every(
    (byte, index) => (byte & ~others.reduce((sum, other) => sum | (other[index] ?? 0), 0)) === 0,
  );
}
