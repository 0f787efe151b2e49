// The rule that every new organisation begins with, so that a target that stops answering is noticed without anybody
// having set up anything.
import type { Tx } from "../../platform/db.js";
import { AlertRuleCreate } from "@nightbell/contract";
import { insertRule } from "./rules.js";

const DEFAULT_RULE = AlertRuleCreate.parse({
  name: "No answer",
  condition: { kind: "missed", missed: 3, of: 3 },
});

export async function addDefaultRule(tx: Tx, organisationId: string, now: number): Promise<void> {
  await insertRule(tx, organisationId, DEFAULT_RULE, now);
}
