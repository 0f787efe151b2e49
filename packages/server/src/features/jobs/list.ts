// The list of jobs (P4): filtered, searched and sorted, by page or by cursor.
import type { JobListQuery, JobPage } from "@nightbell/contract";
import type { z } from "zod";
import type { Db } from "../../platform/db.js";
import type { Account } from "../../platform/http/access.js";
import {
  cursorScope,
  decodeCursor,
  encodeCursor,
  pagination,
  refusePageWithCursor,
} from "../../platform/pagination.js";
import {
  findCandidates,
  type JobFilter,
  type JobWindow,
  type ListedRow,
  selectCandidates,
  selectWindow,
} from "./list-queries.js";
import { jobToApi } from "./row.js";
import { cursorKeys, opposite, orderOf } from "./sorts.js";
import type { JobTotals, Total } from "./totals.js";

interface Listed {
  readonly rows: ListedRow[];
  readonly total: Total;
}

/** Skipping so many rows costs a millisecond; beyond, it is worth knowing which end is nearer. */
const DEEP_OFFSET = 10_000;

export async function listJobs(
  db: Db,
  totals: JobTotals,
  { organisationId, role }: Pick<Account, "organisationId" | "role">,
  query: z.output<typeof JobListQuery>,
): Promise<JobPage> {
  refusePageWithCursor(query);
  const scope = cursorScope("jobs", query);
  const { status, type, search, cursor } = query;
  const { rows, total } = await read(
    db,
    totals,
    { organisationId, status, type, search },
    {
      sort: query.sort,
      after: cursor === undefined ? null : decodeCursor(cursor, scope, cursorKeys(orderOf(query.sort))),
      offset: ((query.page ?? 1) - 1) * query.limit,
      limit: query.limit + 1, // One more than is shown tells whether a next page exists.
    },
  );
  const shown = rows.slice(0, query.limit);
  const last = shown.at(-1);
  return {
    data: shown.map((row) => jobToApi(row, role)),
    pagination: pagination(query, {
      total: total.count,
      isEstimate: total.source !== "exact",
      hasNextPage: rows.length > query.limit,
      nextCursor: last === undefined ? null : encodeCursor(scope, last.sort_keys),
    }),
  };
}

async function read(db: Db, totals: JobTotals, filter: JobFilter, window: JobWindow): Promise<Listed> {
  const { organisationId, search } = filter;
  const candidates = search === undefined ? null : await findCandidates(db, organisationId, search);
  if (candidates !== null) {
    const { rows, count } = await selectCandidates(db, candidates, filter, window);
    return { rows, total: { count, source: "exact" } };
  }
  if (window.offset > DEEP_OFFSET) return readDeep(db, totals, filter, window);
  const [rows, total] = await Promise.all([selectWindow(db, filter, window), totals.count(filter)]);
  return { rows, total };
}

/** A far page is counted from the end when that is nearer; cursors need no such help. */
async function readDeep(db: Db, totals: JobTotals, filter: JobFilter, window: JobWindow): Promise<Listed> {
  const total = await totals.count(filter);
  if (total.source === "statistics" || window.offset < total.count / 2) {
    return { rows: await selectWindow(db, filter, window), total };
  }
  const end = Math.min(window.offset + window.limit, total.count);
  const rows = await selectWindow(db, filter, {
    sort: opposite(window.sort),
    after: null,
    offset: total.count - end,
    limit: Math.max(0, end - window.offset),
  });
  return { rows: rows.toReversed(), total };
}
