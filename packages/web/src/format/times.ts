// Instants in the person's own time zone (of their profile). Formatters are made once per zone: making one is slow.

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(
  timeZone: string,
  style: string,
  options: Intl.DateTimeFormatOptions,
): Intl.DateTimeFormat {
  const key = `${timeZone} ${style}`;
  const known = formatters.get(key);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat("en-GB", { ...options, timeZone });
  formatters.set(key, made);
  return made;
}

const DAY: Intl.DateTimeFormatOptions = { day: "numeric", month: "short" };
const CLOCK: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

/** `14:03:21`, with milliseconds when asked. */
export function formatClock(instant: string | number, timeZone: string, withMilliseconds = false): string {
  const options: Intl.DateTimeFormatOptions = { ...CLOCK, second: "2-digit" };
  return withMilliseconds
    ? formatter(timeZone, "clock-ms", { ...options, fractionalSecondDigits: 3 }).format(new Date(instant))
    : formatter(timeZone, "clock", options).format(new Date(instant));
}

/** `14:03` */
export function formatMinute(instant: string | number, timeZone: string): string {
  return formatter(timeZone, "minute", CLOCK).format(new Date(instant));
}

/** `21 Nov` */
export function formatDay(instant: string | number, timeZone: string): string {
  return formatter(timeZone, "day", DAY).format(new Date(instant));
}

/** `Nov 2026` */
export function formatMonth(instant: string | number, timeZone: string): string {
  return formatter(timeZone, "month", { month: "short", year: "numeric" }).format(new Date(instant));
}

/** `21 Nov 2026, 14:03:21` */
export function formatInstant(instant: string | number, timeZone: string): string {
  return formatter(timeZone, "instant", { ...DAY, year: "numeric", ...CLOCK, second: "2-digit" }).format(
    new Date(instant),
  );
}

/** `just now`, `40 s ago`, `3 h ago`, `12 d ago`. */
export function formatAgo(instant: string, nowMs: number): string {
  const seconds = Math.max(0, (nowMs - Date.parse(instant)) / 1_000);
  if (seconds < 5) return "just now";
  if (seconds < 90) return `${Math.round(seconds)} s ago`;
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 129_600) return `${Math.round(seconds / 3_600)} h ago`;
  return `${Math.round(seconds / 86_400)} d ago`;
}

/** The zone of this browser, for accounts that are being made. */
export function browserTimeZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}
