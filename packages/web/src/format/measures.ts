// Measured values as people read them. A missing value is an en dash, so that columns stay aligned.

export const NO_VALUE = "–";

/** A round trip or phase in milliseconds, to three significant digits: `412 µs`, `4.21 ms`, `1.25 s`. */
export function formatRtt(rttMs: number | null | undefined): string {
  if (rttMs === null || rttMs === undefined || !Number.isFinite(rttMs)) return NO_VALUE;
  if (rttMs === 0) return "0 ms";
  const magnitude = Math.abs(rttMs);
  if (magnitude < 0.9995) return `${(rttMs * 1_000).toFixed(magnitude < 0.00995 ? 1 : 0)} µs`;
  if (magnitude < 999.5) return `${threeDigits(rttMs)} ms`;
  return `${threeDigits(rttMs / 1_000)} s`;
}

/** The number and its unit apart, for figures set in two sizes. */
export function rttParts(rttMs: number | null | undefined): { value: string; unit: string } {
  const [value = NO_VALUE, unit = ""] = formatRtt(rttMs).split(" ");
  return { value, unit };
}

/** A share such as loss: `0 %`, `0.03 %`, `12.5 %`. Never rounds a real loss to nothing. */
export function formatPercent(percent: number | null | undefined): string {
  if (percent === null || percent === undefined) return NO_VALUE;
  if (percent === 0 || percent === 100) return `${percent} %`;
  if (percent < 0.01) return "< 0.01 %";
  if (percent > 99.99) return "> 99.99 %";
  if (percent < 1 || percent > 99) return `${trimZeros(percent.toFixed(2))} %`;
  return `${trimZeros(percent.toFixed(1))} %`;
}

const counts = new Intl.NumberFormat("en", { useGrouping: true });

/** A count with thin separators: `100,000`. */
export function formatCount(count: number): string {
  return counts.format(count);
}

/** `1 job`, `2 jobs`, `100,000 jobs`. */
export function countOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : plural}`;
}

function threeDigits(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude < 9.995) return value.toFixed(2);
  if (magnitude < 99.95) return value.toFixed(1);
  return value.toFixed(0);
}

function trimZeros(text: string): string {
  return text.replace(/\.?0+$/, "");
}
