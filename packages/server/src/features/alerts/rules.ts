// Alert rules: created, read, edited and deleted.
import type {
  AlertRule,
  AlertRuleCreate,
  AlertRulePage,
  AlertRulePatch,
  PageQuery,
} from "@nightbell/contract";
import { sql } from "kysely";
import { isDeepStrictEqual } from "node:util";
import { uuidv7 } from "uuidv7";
import type { z } from "zod";
import type { Db, Tx } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import { refuseOtherVersion } from "../../platform/http/if-match.js";
import { listOwned, refuseTooMany } from "./owned-list.js";
import { refuseForeignJobs } from "./selector.js";
import { resolveOfRule } from "./settle.js";

export type NewRule = z.output<typeof AlertRuleCreate>;

/** Throws `validation_failed` or `limit_reached`. */
export async function createRule(
  db: Db,
  organisationId: string,
  rule: NewRule,
  now: number,
): Promise<AlertRule> {
  await refuseForeignJobs(db, organisationId, rule.selector);
  await refuseTooMany(db, "alert_rules", organisationId);
  const id = await insertRule(db, organisationId, rule, now);
  return findRule(db, organisationId, id);
}

export async function insertRule(
  db: Db | Tx,
  organisationId: string,
  rule: NewRule,
  now: number,
): Promise<string> {
  const id = uuidv7();
  await db
    .insertInto("alert_rules")
    .values({
      id,
      organisation_id: organisationId,
      ...columnsOf(rule),
      created_at: new Date(now),
      updated_at: new Date(now),
    })
    .execute();
  return id;
}

export async function listRules(db: Db, organisationId: string, query: PageQuery): Promise<AlertRulePage> {
  const { ids, pagination } = await listOwned(db, "alert_rules", organisationId, query);
  const rules = await selectRules(db, organisationId, ids);
  return { data: ids.flatMap((id) => rules.find((rule) => rule.id === id) ?? []), pagination };
}

/** Throws `not_found`. */
export async function findRule(db: Db | Tx, organisationId: string, id: string): Promise<AlertRule> {
  const [rule] = await selectRules(db, organisationId, [id]);
  if (rule === undefined) throw noRule();
  return rule;
}

/**
 * Throws `not_found`, `version_conflict`, `validation_failed`. Alerts of a rule whose condition, quorum or selector
 * changes are resolved in the same transaction; what still holds is raised anew.
 */
export function editRule(
  db: Db,
  organisationId: string,
  id: string,
  patch: AlertRulePatch,
  ifMatch: string | undefined,
  now: number,
): Promise<AlertRule> {
  return db.transaction().execute(async (tx) => {
    const before = await lockRule(tx, organisationId, id);
    refuseOtherVersion("rule", before.version, ifMatch);
    if (Object.keys(patch).length === 0) return before;
    const { id: _id, version, createdAt: _createdAt, updatedAt: _updatedAt, ...fields } = before;
    const after: NewRule = { ...fields, ...(patch as Partial<NewRule>) };
    if (patch.selector !== undefined) {
      await refuseForeignJobs(tx, organisationId, after.selector, before.selector);
    }
    const isSameQuestion = (["condition", "quorum", "selector"] as const).every((field) =>
      isDeepStrictEqual(before[field], after[field]),
    );
    if (!isSameQuestion) await resolveOfRule(tx, id, "rule_changed", now);
    await tx
      .updateTable("alert_rules")
      .set({ ...columnsOf(after), version: version + 1 })
      .where("id", "=", id)
      .execute();
    return findRule(tx, organisationId, id);
  });
}

/** Its alerts are resolved in the same transaction. Throws `not_found`. */
export function deleteRule(db: Db, organisationId: string, id: string, now: number): Promise<void> {
  return db.transaction().execute(async (tx) => {
    await lockRule(tx, organisationId, id);
    await resolveOfRule(tx, id, "rule_deleted", now);
    await tx.deleteFrom("alert_rules").where("id", "=", id).execute();
  });
}

/** Locked before its conditions and alerts, as by those who decide. */
async function lockRule(tx: Tx, organisationId: string, id: string): Promise<AlertRule> {
  await sql`
    select from alert_rules where id = ${id} and organisation_id = ${organisationId} for update`.execute(tx);
  return findRule(tx, organisationId, id);
}

/** By the primary key. */
async function selectRules(
  db: Db | Tx,
  organisationId: string,
  ids: readonly string[],
): Promise<AlertRule[]> {
  const rows = await db
    .selectFrom("alert_rules")
    .selectAll()
    .where("organisation_id", "=", organisationId)
    .where("id", "=", sql<string>`any(${ids}::uuid[])`)
    .execute();
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    selector: row.selector,
    condition: row.condition,
    quorum: row.quorum ?? "all",
    severity: row.severity,
    isEnabled: row.is_enabled,
    version: row.version,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  }));
}

function columnsOf({ name, selector, condition, quorum, severity, isEnabled }: NewRule) {
  return {
    name,
    selector: JSON.stringify(selector),
    condition: JSON.stringify(condition),
    quorum: quorum === "all" ? null : quorum,
    severity,
    is_enabled: isEnabled,
  };
}

function noRule(): NightbellError {
  return new NightbellError("not_found", "There is no such alert rule in your organisation.");
}
