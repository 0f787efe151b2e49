import type { AlertCondition } from "@nightbell/contract";
import { BaselineCondition } from "./baseline.js";
import { CertificateCondition } from "./certificate.js";
import type { Condition } from "./condition.js";
import { MissedCondition } from "./missed.js";
import { latencyCondition, lossCondition } from "./window.js";

export type { Condition, EvaluatedSample } from "./condition.js";

export function createCondition(condition: AlertCondition): Condition {
  switch (condition.kind) {
    case "missed":
      return new MissedCondition(condition);
    case "loss":
      return lossCondition(condition);
    case "latency":
      return latencyCondition(condition);
    case "certificate":
      return new CertificateCondition(condition);
    case "baseline":
      return new BaselineCondition(condition);
  }
}

/** How long the recovery must last, in time of slots; conditions without a window count samples instead. */
export function holdMsOf(condition: AlertCondition): number {
  return condition.kind === "loss" || condition.kind === "latency"
    ? condition.recovery.holdSeconds * 1_000
    : 0;
}
