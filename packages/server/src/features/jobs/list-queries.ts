// SQL of the job list.
import type { JobSort, JobStatus, JobType } from "@nightbell/contract";
import { type RawBuilder, sql } from "kysely";
import type { z } from "zod";
import type { Db } from "../../platform/db.js";
import { jobColumns } from "./queries.js";
import type { JobRow } from "./row.js";
import { isAfter, orderBy, orderOf } from "./sorts.js";

export interface JobFilter {
  readonly organisationId: string;
  readonly status?: JobStatus | undefined;
  readonly type?: JobType | undefined;
  readonly search?: string | undefined;
}

export interface JobWindow {
  readonly sort: z.output<typeof JobSort>;
  /** The sort keys of the row before the window, as its cursor carries them; null to skip `offset` rows instead. */
  readonly after: readonly string[] | null;
  readonly offset: number;
  readonly limit: number;
}

export type ListedRow = JobRow & { sort_keys: string[] };

/** A search sorts what it finds up to this many; text more common than that is met soon on the way through the order. */
export const MAX_SORTED_MATCHES = 1_000;

const columns = sql.raw(jobColumns.join(", "));

/** A window of the list in its order. To skip rows, an inner query does so within the index alone, however far. */
export async function selectWindow(db: Db, filter: JobFilter, window: JobWindow): Promise<ListedRow[]> {
  const order = orderOf(window.sort);
  const after = window.after === null ? sql`` : sql`and ${isAfter(order, window.after)}`;
  const found = sql`jobs where ${matches(filter)} ${after} order by ${orderBy(order)} limit ${window.limit}`;
  const page =
    window.offset === 0
      ? sql`(select * from ${found}) as jobs`
      : sql`(select jobs.id from ${found} offset ${window.offset}) as page join jobs on jobs.id = page.id`;
  const { rows } = await sql<ListedRow>`
    select ${columns}, ${sortKeys(order)} as sort_keys
    from ${page}
    left join users as requester on requester.id = jobs.requester_id
    order by ${orderBy(order)}`.execute(db);
  return rows;
}

/**
 * The jobs that may contain a text, null when they are more than MAX_SORTED_MATCHES. Served by job_texts_by_trigram;
 * a text of one or two characters has no trigram and is looked for in all of the organisation's texts.
 */
export async function findCandidates(
  db: Db,
  organisationId: string,
  search: string,
): Promise<number[] | null> {
  const { rows } = await sql<{ job_no: number }>`
    select job_no from job_texts
    where organisation_id = ${organisationId} and text like ${pattern(sql`searchable(${search})`)}
    limit ${MAX_SORTED_MATCHES + 1}`.execute(db);
  return rows.length > MAX_SORTED_MATCHES ? null : rows.map((row) => row.job_no);
}

/** A window of those candidates that match, and how many match. */
export async function selectCandidates(
  db: Db,
  candidates: readonly number[],
  filter: JobFilter,
  window: JobWindow,
): Promise<{ rows: ListedRow[]; count: number }> {
  const order = orderOf(window.sort);
  const aliases = order.keys.map((_, index) => sql.ref(`key_${index}`));
  const keys = sql.join(order.keys.map((key, index) => sql`${key.column} as ${aliases[index]}`));
  const after = window.after === null ? sql`` : sql`where ${isAfter(order, window.after, aliases)}`;
  const { rows } = await sql<ListedRow & { count: number }>`
    with found as materialized (
      select jobs.id as found_id, ${keys} from jobs
      where jobs.job_no = any(${candidates}::int[]) and ${matches(filter)}
    ), page as (
      select found_id from found ${after}
      order by ${orderBy(order, aliases)} limit ${window.limit} offset ${window.offset}
    )
    select total.count, ${columns}, ${sortKeys(order)} as sort_keys
    from (select count(*)::int as count from found) as total
    left join page on true
    left join jobs on jobs.id = page.found_id
    left join users as requester on requester.id = jobs.requester_id
    order by ${orderBy(order)}`.execute(db);
  // Without a page the outer join leaves one row of nulls, for the count.
  return { rows: rows.filter((row) => row.id !== null), count: rows[0]?.count ?? 0 };
}

/** Counts up to `bound` and stops. Served by the index of the filter alone. */
export async function countUpTo(db: Db, filter: JobFilter, bound: number): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from (select from jobs where ${matches(filter)} limit ${bound}) as counted`.execute(
    db,
  );
  return rows[0]?.count ?? 0;
}

/** What the planner expects, from the statistics of the table. */
export async function estimateCount(db: Db, filter: JobFilter): Promise<number> {
  const { rows } = await sql<{ "QUERY PLAN": [{ Plan: { "Plan Rows": number } }] }>`
    explain (format json) select from jobs where ${matches(filter)}`.execute(db);
  return rows[0]?.["QUERY PLAN"][0].Plan["Plan Rows"] ?? 0;
}

function matches(filter: JobFilter): RawBuilder<boolean> {
  const text =
    filter.search === undefined
      ? sql``
      : sql`and lower(jobs.title || E'\n' || jobs.target) like ${pattern(sql`lower(${filter.search})`)}`;
  return sql`jobs.organisation_id = ${filter.organisationId} and ${matchesFields(filter)} ${text}`;
}

function matchesFields({ status, type }: JobFilter): RawBuilder<boolean> {
  return sql`${status === undefined ? sql`true` : sql`jobs.status = ${status}`} and ${
    type === undefined ? sql`true` : sql`jobs.type = ${type}`
  }`;
}

/** Matches what contains the text by the letter. */
function pattern(text: RawBuilder<unknown>): RawBuilder<string> {
  return sql`'%' || regexp_replace(${text}, '([\\\\%_])', '\\\\\\1', 'g') || '%'`;
}

function sortKeys(order: ReturnType<typeof orderOf>): RawBuilder<string[]> {
  return sql`array[${sql.join(order.keys.map((key) => key.toText))}]`;
}
