// What stands in a job form when its session ends is kept in this tab until the person is back. Secrets
// are not written down: the values of request headers and whatever else is sent have to be typed again.
import { isSentOption } from "@nightbell/contract";
import { emptyDraft, type Draft, type HeaderDraft, type OptionDrafts } from "./draft.js";

export interface KeptDraft {
  draft: Draft;
  /** Of the job that was being edited; null for a new one. */
  version: number | null;
}

export function readKept(key: string): KeptDraft | null {
  try {
    const kept = JSON.parse(sessionStorage.getItem(key) ?? "null") as KeptDraft | null;
    // An older version of this app may have written it.
    const isOurs =
      sameFields(kept?.draft, emptyDraft()) && sameFields(kept?.draft.options, emptyDraft().options);
    return isOurs ? kept : null;
  } catch {
    return null;
  }
}

export function keep(key: string, { draft, version }: KeptDraft): void {
  try {
    sessionStorage.setItem(key, JSON.stringify({ draft: withoutSecrets(draft), version }));
  } catch {
    // Storage is blocked or full: the form works as it would without.
  }
}

export function forget(key: string): void {
  try {
    sessionStorage.removeItem(key);
  } catch {
    // Blocked storage holds nothing.
  }
}

function withoutSecrets(draft: Draft): Draft {
  const options = Object.entries(draft.options).map(([type, fields]) => [type, withoutSent(fields)]);
  return { ...draft, options: Object.fromEntries(options) as Draft["options"] };
}

function withoutSent(fields: OptionDrafts): OptionDrafts {
  return Object.fromEntries(
    Object.entries(fields).map(([field, value]) => {
      if (!isSentOption(field)) return [field, value];
      if (field !== "headers") return [field, ""];
      return [field, (value as HeaderDraft[]).map(({ name }) => ({ name, value: "" }))];
    }),
  );
}

function sameFields(one: object | undefined, other: object): boolean {
  return (
    Object.keys(one ?? {})
      .toSorted()
      .join() === Object.keys(other).toSorted().join()
  );
}
