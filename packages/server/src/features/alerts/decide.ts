// What becomes of the alert of one rule and one job when something changes. Pure: it compares what evaluators say with
// what was known before, so that a statement that is repeated, or comes late, changes nothing.
import type { AlertEvent, AlertResolution, AlertStatus, AlertSuppression } from "@nightbell/contract";

/** What the evaluator of a location says, as `alert_conditions` keeps it. */
export interface LocationCondition {
  locationNo: number;
  isBad: boolean;
  /** The newest slot when it was said; of two statements the one with the higher slot holds. */
  slot: number;
  /** The slot at which the present state began. */
  since: number;
  value: number | null;
}

/** What an evaluator says now. */
export type Statement = Omit<LocationCondition, "since">;

export interface Situation {
  /** What was known before. */
  readonly conditions: readonly LocationCondition[];
  /** The alert that is not resolved; null when there is none. */
  readonly alert: { readonly status: Exclude<AlertStatus, "resolved"> } | null;
  /** The locations the job is measured from; what others said once does not count any more. */
  readonly locationNos: readonly number[];
  readonly locationCount: number;
  /** Null: all of them. */
  readonly quorum: number | null;
  /** Why there can be no alert; null when there can. */
  readonly obstacle: AlertResolution | null;
  /** What would account for the alert at present. */
  readonly suppression: AlertSuppression | null;
}

/** A line for the timeline; `condition` where it is about a location. */
export interface Happening {
  kind: Exclude<AlertEvent["kind"], "evidence">;
  condition?: LocationCondition;
}

export interface Decision {
  conditions: LocationCondition[];
  /** Of the alert; null when there is none and none is to be. */
  status: AlertStatus | null;
  /** Why it is resolved. */
  resolution: AlertResolution | null;
  happenings: Happening[];
}

export function decide(situation: Situation, statements: readonly Statement[]): Decision {
  const { alert, obstacle, suppression } = situation;
  if (obstacle !== null) {
    return alert === null ? nothing([]) : resolved([], obstacle, []);
  }
  const { conditions, changed } = merge(situation.conditions, statements);
  const measured = new Set(situation.locationNos);
  const badCount = conditions.filter(({ locationNo, isBad }) => isBad && measured.has(locationNo)).length;
  const needed = Math.min(situation.quorum ?? Infinity, situation.locationCount);
  if (badCount < needed) {
    return alert === null ? nothing(conditions) : resolved(conditions, "recovered", recoveries(changed));
  }
  const status = suppression === null ? "open" : "suppressed";
  const kept = { conditions, status, resolution: null } as const;
  if (alert === null) {
    const isHeldBack: Happening[] = suppression === null ? [] : [{ kind: "suppressed" }];
    return { ...kept, happenings: [{ kind: "opened" }, ...isHeldBack] };
  }
  const happenings = changed.map((condition): Happening => ({
    kind: condition.isBad ? "location_failed" : "location_recovered",
    condition,
  }));
  if (status !== alert.status) {
    happenings.push({ kind: status === "suppressed" ? "suppressed" : "unsuppressed" });
  }
  return { ...kept, happenings };
}

/** Takes statements that are not older than what is known. */
function merge(
  known: readonly LocationCondition[],
  statements: readonly Statement[],
): { conditions: LocationCondition[]; changed: LocationCondition[] } {
  const conditions = new Map(known.map((condition) => [condition.locationNo, condition]));
  const changed: LocationCondition[] = [];
  for (const statement of statements) {
    const before = conditions.get(statement.locationNo);
    if (before !== undefined && statement.slot < before.slot) continue;
    const isChange = statement.isBad !== (before?.isBad ?? false);
    const condition = {
      ...statement,
      since: isChange || before === undefined ? statement.slot : before.since,
    };
    conditions.set(statement.locationNo, condition);
    if (isChange) changed.push(condition);
  }
  return { conditions: [...conditions.values()].sort((a, b) => a.locationNo - b.locationNo), changed };
}

function recoveries(changed: readonly LocationCondition[]): Happening[] {
  return changed
    .filter(({ isBad }) => !isBad)
    .map((condition) => ({ kind: "location_recovered", condition }));
}

function nothing(conditions: LocationCondition[]): Decision {
  return { conditions, status: null, resolution: null, happenings: [] };
}

function resolved(
  conditions: LocationCondition[],
  resolution: AlertResolution,
  before: Happening[],
): Decision {
  return { conditions, status: "resolved", resolution, happenings: [...before, { kind: "resolved" }] };
}
