const FIRST_MS = 250;
const LONGEST_MS = 30_000;

/** How long to wait before restart number `attempt`, from 0: doubles from a quarter of a second to half a minute. */
export function backoffMs(attempt: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt);
}
