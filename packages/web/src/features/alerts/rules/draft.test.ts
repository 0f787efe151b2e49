import { AlertRuleCreate, type AlertCondition, type AlertRule } from "@nightbell/contract";
import { describe, expect, test } from "vitest";
import { conditionFields, draftOf, emptyDraft, toBody } from "./draft.js";

const rule = (condition: AlertCondition, more: Partial<AlertRule> = {}): AlertRule => ({
  id: "019b0000-0000-7000-8000-000000000001",
  name: "Rule",
  selector: { kind: "type", type: "http" },
  condition,
  quorum: 2,
  severity: "warning",
  isEnabled: false,
  version: 3,
  createdAt: "2026-01-01T00:00:00.000Z",
  updatedAt: "2026-01-01T00:00:00.000Z",
  ...more,
});

test("every kind of condition begins as a valid rule", () => {
  for (const kind of Object.keys(conditionFields) as (keyof typeof conditionFields)[]) {
    expect(AlertRuleCreate.safeParse(toBody({ ...emptyDraft(), name: "Rule", kind }))).toMatchObject({
      success: true,
      data: { condition: { kind } },
    });
  }
});

describe("a rule that is shown and sent back", () => {
  const conditions: AlertCondition[] = [
    { kind: "missed", missed: 2, of: 5, recovery: { successes: 4 } },
    {
      kind: "loss",
      abovePercent: 12.5,
      windowSeconds: 60,
      minSamples: 7,
      recovery: { atMostPercent: null, holdSeconds: 30 },
    },
    {
      kind: "latency",
      measure: "jitter",
      statistic: "max",
      aboveMs: 90,
      windowSeconds: 600,
      minSamples: 5,
      recovery: { atMostMs: 40, holdSeconds: 0 },
    },
    { kind: "certificate", belowDays: 21, recovery: { atLeastDays: 30 } },
    { kind: "baseline", factor: 4, minChangeMs: 2.5, samples: 2, recovery: { samples: 6 } },
  ];
  for (const condition of conditions) {
    test(`is the same: ${condition.kind}`, () => {
      const {
        id: _id,
        version: _version,
        createdAt: _createdAt,
        updatedAt: _updatedAt,
        ...body
      } = rule(condition);
      expect(toBody(draftOf(rule(condition)))).toEqual(body);
    });
  }

  test("is the same: chosen jobs at all locations", () => {
    const chosen = rule(conditions[0] as AlertCondition, {
      selector: { kind: "jobs", jobIds: ["019b0000-0000-7000-8000-000000000002"] },
      quorum: "all",
    });
    expect(toBody(draftOf(chosen))).toMatchObject({ selector: chosen.selector, quorum: "all" });
  });
});

test("what is no number is refused where it stands", () => {
  const draft = emptyDraft();
  const values = { ...draft.values, missed: { ...draft.values.missed, of: "many" } };
  const result = AlertRuleCreate.safeParse(toBody({ ...draft, name: "Rule", values }));
  expect(result.error?.issues[0]?.path).toEqual(["condition", "of"]);
});
