export interface Rule {
  delayMs: number;
  loseEvery?: number;
  duplicateEvery?: number;
  answer?: string;
}
export function ruleFor(lastByte: number): Rule;
export function copiesOf(rule: Rule, n: number): number;
