// What the responder does with echo requests, by the last byte of the address they were sent to. Responder and tests
// read this one table, so both know what must happen to the n-th request.

/**
 * @typedef {object} Rule
 * @property {number} delayMs how long a reply is held
 * @property {number} [loseEvery] every so many-th request is not answered
 * @property {number} [duplicateEvery] every so many-th request is answered twice
 * @property {"reply" | "truncated" | "foreignToken" | "wrongSecret" | "wrongChecksum" | "wrongLength" | "unreachable" | "filtered" | "ttlExceeded" | "misquoted"} [answer]
 */

/** @type {Record<number, Rule>} */
export const rules = {
  10: { delayMs: 2 },
  11: { delayMs: 0 },
  12: { delayMs: 20 },
  20: { delayMs: 1, loseEvery: 3 },
  21: { delayMs: 1, duplicateEvery: 4 },
  22: { delayMs: 1, loseEvery: 5, duplicateEvery: 3 },
  23: { delayMs: 150 },
  /** Silence. */
  24: { delayMs: 0, loseEvery: 1 },
  30: { delayMs: 0, answer: "truncated" },
  31: { delayMs: 0, answer: "foreignToken" },
  32: { delayMs: 0, answer: "wrongChecksum" },
  33: { delayMs: 0, answer: "wrongLength" },
  34: { delayMs: 0, answer: "wrongSecret" },
  // Errors: a quote of 8 bytes (RFC 792), a whole quote, and one that names another destination.
  40: { delayMs: 0, answer: "unreachable" },
  41: { delayMs: 0, answer: "filtered" },
  42: { delayMs: 0, answer: "ttlExceeded" },
  43: { delayMs: 0, answer: "misquoted" },
};

/** @type {Rule} */
const atOnce = { delayMs: 0 };

/** @param {number} lastByte */
export function ruleFor(lastByte) {
  return rules[lastByte] ?? atOnce;
}

/** How many replies the n-th request (from 1) gets. @param {Rule} rule @param {number} n */
export function copiesOf(rule, n) {
  if (rule.loseEvery !== undefined && n % rule.loseEvery === 0) return 0;
  return rule.duplicateEvery !== undefined && n % rule.duplicateEvery === 0 ? 2 : 1;
}
