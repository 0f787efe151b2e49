// Who owns a bucket: rendezvous hashing (Thaler & Ravishankar, 1998). Each member has a weight for each bucket, and the
// heaviest owns it. Whoever knows the members knows the owners; a member that comes or goes moves its own buckets only.
import { createHash } from "node:crypto";
import { addBucket, BUCKETS, emptyBuckets, type BucketSet } from "./buckets.js";

/** The buckets that `self` owns among the members, itself included. O(members × buckets), some 0.1 ms each. */
export function ownedBuckets(self: string, members: readonly string[]): BucketSet {
  const owned = emptyBuckets();
  const seeds = new Map(members.map((member) => [member, seedOf(member)]));
  for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
    let owner = "";
    let heaviest = -1;
    for (const [member, seed] of seeds) {
      const weight = weightOf(seed, bucket);
      if (weight > heaviest || (weight === heaviest && member < owner)) [owner, heaviest] = [member, weight];
    }
    if (owner === self) addBucket(owned, bucket);
  }
  return owned;
}

function seedOf(member: string): number {
  return createHash("sha256").update(member).digest().readUInt32LE(0);
}

/** A 32-bit number that looks random; the mixing step is that of MurmurHash3 (Appleby). */
function weightOf(seed: number, bucket: number): number {
  let hash = seed ^ Math.imul(bucket + 1, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
