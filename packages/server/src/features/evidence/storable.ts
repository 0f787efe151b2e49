import type { EvidenceEnding } from "./source.js";

/** Postgres has no NUL in text, and no half of a surrogate pair in JSON; whatever a target said, the rest counts more. */
export function storableEnding(ending: EvidenceEnding): EvidenceEnding {
  const json = JSON.stringify(ending, (_, value: unknown) =>
    typeof value === "string" ? value.replaceAll("\0", "").toWellFormed() : value,
  );
  return JSON.parse(json) as EvidenceEnding;
}
