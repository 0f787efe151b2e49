// The list's filters as they stand in the address.
import { JobSort, JobStatus, JobType, type JobListQuery } from "@nightbell/contract";
import type { z } from "zod";

export type Sort = z.infer<typeof JobSort>;

export interface ListSearch {
  status?: JobStatus;
  type?: JobType;
  q?: string;
  sort?: Sort;
}

export const DEFAULT_SORT: Sort = "-createdAt";
export const PAGE_SIZE = 50;

/** What an address cannot mean is left out, so that an old bookmark still opens. */
export function readListSearch(search: Record<string, unknown>): ListSearch {
  const status = JobStatus.safeParse(search["status"]);
  const type = JobType.safeParse(search["type"]);
  const sort = JobSort.safeParse(search["sort"]);
  const q = typeof search["q"] === "string" ? search["q"].slice(0, 200) : "";
  return {
    ...(status.success ? { status: status.data } : {}),
    ...(type.success ? { type: type.data } : {}),
    ...(q.trim() === "" ? {} : { q }),
    ...(sort.success && sort.data !== DEFAULT_SORT ? { sort: sort.data } : {}),
  };
}

export function listQuery(search: ListSearch, page: number, limit = PAGE_SIZE): JobListQuery {
  return {
    page,
    limit,
    ...(search.status === undefined ? {} : { status: search.status }),
    ...(search.type === undefined ? {} : { type: search.type }),
    ...(search.q === undefined ? {} : { search: search.q.trim() }),
    ...(search.sort === undefined ? {} : { sort: search.sort }),
  };
}

export function isFiltered(search: ListSearch): boolean {
  return search.status !== undefined || search.type !== undefined || search.q !== undefined;
}

/** The column's next order: ascending, descending, back to the default. */
export function nextSort(column: "title" | "status" | "cadenceSeconds", current: Sort): Sort {
  if (current === column) return `-${column}`;
  return current === `-${column}` ? DEFAULT_SORT : column;
}
