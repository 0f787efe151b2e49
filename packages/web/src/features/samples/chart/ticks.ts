// What stands at the ticks of the chart's axes. No two of one axis read the same.
import { formatClock, formatDay, formatMinute, formatMonth } from "../../../format/times.js";

const DAY_SECONDS = 86_400;
/** Ticks so far apart stand at the beginnings of months, or of years. */
const MONTH_SECONDS = 28 * DAY_SECONDS;

/** RTTs in milliseconds at steps of 1, 2, 2.5 or 5 times a power of ten: in one unit, to the decimals of the step. */
export function rttTicks(ticksMs: readonly number[], stepMs: number): string[] {
  const top = Math.max(...ticksMs);
  const [unit, perUnitMs] = top < 1 ? ["µs", 0.001] : top < 1_000 ? ["ms", 1] : ["s", 1_000];
  const decimals = decimalsOf(stepMs / perUnitMs);
  return ticksMs.map((tick) => (tick === 0 ? "0" : `${(tick / perUnitMs).toFixed(decimals)} ${unit}`));
}

/** A time as fine as the step between ticks asks for; a day begins with its date. */
export function timeTick(atMs: number, stepSeconds: number, timeZone: string): string {
  if (stepSeconds >= MONTH_SECONDS) return formatMonth(atMs, timeZone);
  if (stepSeconds >= DAY_SECONDS) return formatDay(atMs, timeZone);
  if (stepSeconds < 60) return formatClock(atMs, timeZone, stepSeconds < 1);
  const minute = formatMinute(atMs, timeZone);
  return minute === "00:00" ? formatDay(atMs, timeZone) : minute;
}

/** Two digits write any step in full; more would be the error of binary fractions. */
function decimalsOf(step: number): number {
  return (String(Number(step.toPrecision(2))).split(".")[1] ?? "").length;
}
