import { type JobType, parseTarget, type Target } from "@nightbell/contract";
import { ProbeFailure } from "./attempt.js";

/** Reads a target again that the contract has accepted; one that it has not ends the try. */
export function targetOf<Type extends JobType>(type: Type, text: string): Extract<Target, { type: Type }> {
  const result = parseTarget(type, text);
  if (!result.ok) throw new ProbeFailure("internal", `the target ${text} ${result.message}`);
  return result.target as Extract<Target, { type: Type }>;
}
