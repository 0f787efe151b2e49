// Reading alerts and their timelines. Those about this installation (without an organisation) are everybody's.
import {
  type Alert,
  type AlertDetail,
  type AlertEvent,
  type AlertListQuery,
  type AlertPage,
} from "@nightbell/contract";
import { type RawBuilder, sql } from "kysely";
import { z } from "zod";
import type { Db } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import {
  cursorScope,
  decodeCursor,
  encodeCursor,
  pagination,
  refusePageWithCursor,
} from "../../platform/pagination.js";
import type { Database } from "../../platform/schema.js";
import { evidenceOf } from "../evidence/index.js";
import type { Selectable } from "kysely";

export type AlertRow = Selectable<Database["alerts"]>;
export type EventRow = Selectable<Database["alert_events"]>;

/** Counting this far takes some milliseconds; beyond, the total is a lower bound and marked as an estimate. */
const MAX_COUNTED = 10_000;
const MAX_TIMELINE = 500;

/** A time as Postgres writes it, and the id. */
const CursorKeys = z.tuple([z.string().regex(/^\d{4}-\d\d-\d\d [\d:.]{8,15}[+-][\d:]{2,8}$/), z.uuid()]);

type ListQuery = z.output<typeof AlertListQuery>;

export async function listAlerts(db: Db, organisationId: string, query: ListQuery): Promise<AlertPage> {
  refusePageWithCursor(query);
  const scope = cursorScope("alerts", query);
  const after = query.cursor === undefined ? null : decodeCursor(query.cursor, scope, CursorKeys);
  const where = filterOf(query);
  const offset = ((query.page ?? 1) - 1) * query.limit;
  const isAfter =
    after === null ? sql`true` : sql`(opened_at, id) < (${after[0]}::timestamptz, ${after[1]}::uuid)`;
  // Each part is in the order of its index: alerts_by_organisation, alerts_unresolved_by_organisation, alerts_by_job or
  // alerts_by_rule. One "or" over both would sort all.
  const part = (owner: RawBuilder<unknown>) => sql`(
    select *, opened_at::text as opened_key from alerts where ${owner} and ${where} and ${isAfter}
    order by opened_at desc, id desc limit ${offset + query.limit + 1})`;
  const { rows } = await sql<AlertRow & { opened_key: string }>`
    ${part(sql`organisation_id = ${organisationId}`)} union all ${part(sql`organisation_id is null`)}
    order by opened_at desc, id desc limit ${query.limit + 1} offset ${offset}`.execute(db);
  const total = await countAlerts(db, organisationId, where);
  const shown = rows.slice(0, query.limit);
  const last = shown.at(-1);
  return {
    data: shown.map(toAlert),
    pagination: pagination(query, {
      total,
      isEstimate: total > MAX_COUNTED,
      hasNextPage: rows.length > query.limit,
      nextCursor: last === undefined ? null : encodeCursor(scope, [last.opened_key, last.id]),
    }),
  };
}

/** Throws `not_found`. */
export async function findAlert(db: Db, organisationId: string, id: string): Promise<AlertDetail> {
  const row = await db
    .selectFrom("alerts")
    .selectAll()
    .where("id", "=", id)
    .where((eb) => eb.or([eb("organisation_id", "=", organisationId), eb("organisation_id", "is", null)]))
    .executeTakeFirst();
  if (row === undefined)
    throw new NightbellError("not_found", "There is no such alert in your organisation.");
  // By alert_events_by_alert.
  const events = await db
    .selectFrom("alert_events")
    .selectAll()
    .where("alert_id", "=", id)
    .orderBy("id", "desc")
    .limit(MAX_TIMELINE)
    .execute();
  return {
    ...toAlert(row),
    timeline: events.toReversed().map(toEvent),
    evidence: await evidenceOf(db, id),
  };
}

export function toAlert(row: AlertRow): Alert {
  return {
    id: row.id,
    kind: row.kind,
    status: row.status,
    severity: row.severity,
    title: row.title,
    rule: row.rule_name === null ? null : { id: row.rule_id, name: row.rule_name },
    job: row.job_title === null ? null : { id: row.job_id, title: row.job_title },
    locations: row.locations,
    suppression: row.suppression,
    startedAt: row.started_at.toISOString(),
    openedAt: row.opened_at.toISOString(),
    resolvedAt: row.resolved_at?.toISOString() ?? null,
    resolution: row.resolution,
  };
}

export function toEvent({ id, at, kind, text }: Pick<EventRow, "id" | "at" | "kind" | "text">): AlertEvent {
  return { id, at: at.toISOString(), kind: kind as AlertEvent["kind"], text };
}

function filterOf({ status, severity, jobId, ruleId }: ListQuery): RawBuilder<boolean> {
  const conditions = [sql<boolean>`true`];
  if (status === "unresolved") conditions.push(sql`status <> 'resolved'`);
  else if (status === "resolved") conditions.push(sql`status = 'resolved'`);
  // The index of what is not resolved serves each of its two.
  else if (status !== undefined) conditions.push(sql`status <> 'resolved' and status = ${status}`);
  if (severity !== undefined) conditions.push(sql`severity = ${severity}`);
  if (jobId !== undefined) conditions.push(sql`job_id = ${jobId}`);
  if (ruleId !== undefined) conditions.push(sql`rule_id = ${ruleId}`);
  return sql.join(conditions, sql` and `);
}

async function countAlerts(db: Db, organisationId: string, where: RawBuilder<boolean>): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) from (
      select from alerts where (organisation_id = ${organisationId} or organisation_id is null) and ${where}
      limit ${MAX_COUNTED + 1}) as counted`.execute(db);
  return rows[0]?.count ?? 0;
}
