// The list of jobs (P4): filtered, searched and sorted, by page or by cursor.
import type { JobListQuery, JobPage } from "@nightbell/contract";
import type { z } from "zod";
import type { Db } from "../../platform/db.js";
import {
  cursorScope,
  decodeCursor,
  encodeCursor,
  pagination,
  refusePageWithCursor,
} from "../../platform/pagination.js";
import {
  type JobFilter,
  type JobWindow,
  type ListedRow,
  selectSearchedWindow,
  selectWindow,
} from "./list-queries.js";
import { jobToApi } from "./row.js";
import { cursorKeys, orderOf } from "./sorts.js";
import type { JobTotals, Total } from "./totals.js";

export async function listJobs(
  db: Db,
  totals: JobTotals,
  organisationId: string,
  query: z.output<typeof JobListQuery>,
): Promise<JobPage> {
  refusePageWithCursor(query);
  const scope = cursorScope("jobs", query);
  const { status, type, search } = query;
  const { rows, total } = await read(
    db,
    totals,
    { organisationId, status, type, search },
    {
      sort: query.sort,
      after:
        query.cursor === undefined
          ? null
          : decodeCursor(query.cursor, scope, cursorKeys(orderOf(query.sort))),
      offset: ((query.page ?? 1) - 1) * query.limit,
      limit: query.limit + 1, // One more than is shown tells whether a next page exists.
    },
  );
  const shown = rows.slice(0, query.limit);
  const last = shown.at(-1);
  return {
    data: shown.map(jobToApi),
    pagination: pagination(query, {
      total: total.count,
      isEstimate: total.isEstimate,
      hasNextPage: rows.length > query.limit,
      nextCursor: last === undefined ? null : encodeCursor(scope, last.sort_keys),
    }),
  };
}

async function read(
  db: Db,
  totals: JobTotals,
  filter: JobFilter,
  window: JobWindow,
): Promise<{ rows: ListedRow[]; total: Total }> {
  if (filter.search !== undefined) {
    const found = await selectSearchedWindow(db, { ...filter, search: filter.search }, window);
    if (found !== null) return { rows: found.rows, total: { count: found.matchCount, isEstimate: false } };
  }
  const [rows, total] = await Promise.all([selectWindow(db, filter, window), totals.count(filter)]);
  return { rows, total };
}
