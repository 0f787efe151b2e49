// What a probe sends besides its target may hold secrets: tokens, cookies, keys. Only roles that may edit jobs read it back.

/** Stands in answers where a value is not for the reader; refused as a value, so that no probe ever sends it. */
export const HIDDEN = "(hidden)";

/** The options that are sent, or that say where to; of headers the values. No two types use one name differently. */
const SENT_OPTIONS: ReadonlySet<string> = new Set(["headers", "body", "message", "payload", "url"]);

export function isSentOption(name: string): boolean {
  return SENT_OPTIONS.has(name);
}

/** The options as those see them who may not edit jobs. Names of headers stay, and so does what is empty. */
export function hideSent(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [name, isSentOption(name) ? hidden(value) : value]),
  );
}

/** Paths below `options` where there is `HIDDEN` instead of a value. */
export function hiddenPaths(options: Readonly<Record<string, unknown>>): string[][] {
  return Object.entries(options).flatMap(([name, value]) => {
    if (!isSentOption(name)) return [];
    if (value === HIDDEN) return [[name]];
    if (!isRecord(value)) return [];
    return Object.keys(value).flatMap((key) => (value[key] === HIDDEN ? [[name, key]] : []));
  });
}

function hidden(value: unknown): unknown {
  if (isRecord(value)) return Object.fromEntries(Object.keys(value).map((key) => [key, HIDDEN]));
  return value === null || value === "" ? value : HIDDEN;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
