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

/** A search sorts its matches up to this many; more are common enough to be met on the way through the order. */
export const MAX_SORTED_MATCHES = 1_000;

const columns = sql.raw(jobColumns.join(", "));

/** A window of the list in its order. The inner query skips within the index alone, however far. */
export async function selectWindow(db: Db, filter: JobFilter, window: JobWindow): Promise<ListedRow[]> {
  const order = orderOf(window.sort);
  const after = window.after === null ? sql`` : sql`and ${isAfter(order, window.after)}`;
  const { rows } = await sql<ListedRow>`
    select ${columns}, ${sortKeys(order)} as sort_keys
    from (
      select jobs.id from jobs where ${matches(filter)} ${after}
      order by ${orderBy(order)} limit ${window.limit} offset ${window.offset}
    ) as page
    join jobs on jobs.id = page.id
    left join users as requester on requester.id = jobs.requester_id
    order by ${orderBy(order)}`.execute(db);
  return rows;
}

/**
 * A window of a search's matches, found by job_texts_by_trigram and sorted here, and how many matches there are;
 * null when they are more than MAX_SORTED_MATCHES.
 */
export async function selectSearchedWindow(
  db: Db,
  filter: JobFilter & { readonly search: string },
  window: JobWindow,
): Promise<{ rows: ListedRow[]; matchCount: number } | null> {
  const order = orderOf(window.sort);
  const aliases = order.keys.map((_, index) => sql.ref(`key_${index}`));
  const keys = sql.join(order.keys.map((key, index) => sql`${key.column} as ${aliases[index]}`));
  const after = window.after === null ? sql`` : sql`where ${isAfter(order, window.after, aliases)}`;
  const { rows } = await sql<ListedRow & { match_count: number }>`
    with found as materialized (
      select ${keys}, jobs.id as found_id
      from job_texts join jobs on jobs.job_no = job_texts.job_no
      where job_texts.organisation_id = ${filter.organisationId}
        and job_texts.text like ${patternOf(filter.search)} and ${matchesFields(filter)}
      limit ${MAX_SORTED_MATCHES + 1}
    ), page as (
      select found_id from found ${after}
      order by ${orderBy(order, aliases)} limit ${window.limit} offset ${window.offset}
    )
    select total.match_count, ${columns}, ${sortKeys(order)} as sort_keys
    from (select count(*)::int as match_count from found) as total
    left join page on true
    left join jobs on jobs.id = page.found_id
    left join users as requester on requester.id = jobs.requester_id
    order by ${orderBy(order)}`.execute(db);
  const matchCount = rows[0]?.match_count ?? 0;
  if (matchCount > MAX_SORTED_MATCHES) return null;
  // Without a page the outer join leaves one row of nulls, for the count.
  return { rows: rows.filter((row) => row.id !== null), matchCount };
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
      : sql`and lower(jobs.title || E'\n' || jobs.target) like ${patternOf(filter.search)}`;
  return sql`jobs.organisation_id = ${filter.organisationId} and ${matchesFields(filter)} ${text}`;
}

function matchesFields({ status, type }: JobFilter): RawBuilder<boolean> {
  return sql`${status === undefined ? sql`true` : sql`jobs.status = ${status}`} and ${
    type === undefined ? sql`true` : sql`jobs.type = ${type}`
  }`;
}

function patternOf(search: string): RawBuilder<string> {
  return sql`lower(${`%${search.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`})`;
}

function sortKeys(order: ReturnType<typeof orderOf>): RawBuilder<string[]> {
  return sql`array[${sql.join(order.keys.map((key) => key.toText))}]`;
}
