// Lengths of time: written compactly for rows, read back from what a person types.

const UNITS = [
  ["d", 86_400],
  ["h", 3_600],
  ["m", 60],
  ["s", 1],
] as const;

/** `200 ms`, `5 s`, `1 m 30 s`, `2 d`: at most the two largest units. */
export function formatSeconds(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1_000)} ms`;
  if (seconds < 60) return `${Number(seconds.toFixed(3))} s`;
  let rest = Math.round(seconds);
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    if (count > 0) parts.push(`${count} ${unit}`);
    rest -= count * size;
  }
  return parts.slice(0, 2).join(" ");
}

/** For the cadence column: `every 5 s`. */
export function formatCadence(seconds: number): string {
  return `every ${formatSeconds(seconds)}`;
}

/** Reads `90`, `1.5 s`, `200ms`, `2h 30m`, `7 days`; null when it is not a length of time. A bare number is seconds. */
export function parseSeconds(text: string): number | null {
  const trimmed = text.trim().toLowerCase();
  if (/^\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed);
  const pattern = /(\d+(?:\.\d+)?)\s*(ms|s|sec|seconds?|m|min|minutes?|h|hours?|d|days?)(?=\s|\d|$)/y;
  let seconds = 0;
  let position = 0;
  while (position < trimmed.length) {
    pattern.lastIndex = position;
    const match = pattern.exec(trimmed);
    if (match === null) return null;
    seconds += Number(match[1]) * unitSeconds(match[2] ?? "s");
    position = pattern.lastIndex;
    while (trimmed[position] === " ") position += 1;
  }
  return trimmed === "" ? null : Number(seconds.toFixed(6));
}

function unitSeconds(unit: string): number {
  if (unit === "ms") return 0.001;
  return { s: 1, m: 60, h: 3_600, d: 86_400 }[unit.charAt(0)] ?? 1;
}
