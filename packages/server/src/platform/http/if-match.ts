// Edits that name the version they are based on (RFC 9110, 13.1.1).
import { z } from "zod";
import { NightbellError } from "../errors.js";

/** Header of the routes that edit; other headers pass through. */
export const IfMatchHeaders = z.looseObject({
  "if-match": z.string().max(1_000).optional().describe('The version seen, such as `"3"`'),
});

/**
 * Throws `version_conflict` when the caller saw another version. Proxies that compress mark entity tags as weak; the
 * version within still identifies what was seen.
 */
export function refuseOtherVersion(what: string, version: number, ifMatch: string | undefined): void {
  if (ifMatch === undefined || ifMatch.trim() === "*") return;
  const seen = ifMatch.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  if (seen.includes(`"${version}"`)) return;
  throw new NightbellError(
    "version_conflict",
    `Somebody else changed this ${what}; it is now at version ${version}. Load it again and repeat your change.`,
  );
}
