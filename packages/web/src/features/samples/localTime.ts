// Wall-clock text of `datetime-local` inputs ↔ instants, in a given IANA zone (the browser knows only its own).

/** `2026-11-22T14:03:21` in the zone. */
export function toLocalText(atMs: number, timeZone: string): string {
  return new Date(atMs + offsetMs(atMs, timeZone)).toISOString().slice(0, 19);
}

/**
 * The instant of a wall-clock text; null when it is incomplete. Of a time that exists twice (clocks set back) the first
 * is taken; one that does not exist (clocks set forward) moves on by the missing hour.
 */
export function fromLocalText(text: string, timeZone: string): number | null {
  const wallMs = Date.parse(`${text.length === 16 ? `${text}:00` : text}Z`);
  if (Number.isNaN(wallMs)) return null;
  const before = offsetMs(wallMs - 86_400_000, timeZone);
  const after = offsetMs(wallMs + 86_400_000, timeZone);
  const matches = [before, after]
    .map((offset) => wallMs - offset)
    .filter((atMs) => atMs + offsetMs(atMs, timeZone) === wallMs);
  return matches.length > 0 ? Math.min(...matches) : wallMs - before;
}

/** What the zone's clocks are ahead of UTC at an instant. */
function offsetMs(atMs: number, timeZone: string): number {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  }).formatToParts(atMs);
  const value = (type: string) => Number(parts.find((part) => part.type === type)?.value);
  const wall = Date.UTC(
    value("year"),
    value("month") - 1,
    value("day"),
    value("hour"),
    value("minute"),
    value("second"),
  );
  return wall - Math.floor(atMs / 1_000) * 1_000;
}
