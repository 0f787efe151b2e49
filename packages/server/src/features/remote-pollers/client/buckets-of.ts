import type { Share } from "../../pollers/index.js";

/** The part of a share, as requests name it. */
export function bucketsOf({ part }: Share): string {
  if (part.mode !== "live") throw new Error("remote pollers share jobs live");
  return part.buckets.toString("base64");
}
