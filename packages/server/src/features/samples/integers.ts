const COMMA = 44;
const ZERO = 48;

/** A list such as `12,0,345`: several times faster than splitting it and reading each part. */
export function toIntegers(list: string): number[] {
  const integers: number[] = [];
  if (list === "") return integers;
  let value = 0;
  for (let at = 0; at < list.length; at += 1) {
    const code = list.charCodeAt(at);
    if (code === COMMA) {
      integers.push(value);
      value = 0;
    } else {
      // The brackets keep what lies between within the numbers that are exact.
      value = value * 10 + (code - ZERO);
    }
  }
  integers.push(value);
  return integers;
}
