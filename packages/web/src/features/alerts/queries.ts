import {
  AlertDetail,
  AlertDryRun,
  AlertPage,
  AlertRule,
  AlertRulePage,
  JobFamily,
  JobParent,
  MaintenanceWindow,
  MaintenanceWindowPage,
  type AlertDryRunBody,
  type AlertListQuery,
  type AlertRuleCreate,
  type AlertRulePatch,
  type MaintenanceWindowCreate,
  type MaintenanceWindowPatch,
} from "@nightbell/contract";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { request } from "../../api/request.js";
import { api } from "../../api/urls.js";

/** Live news brings changes at once; this is for when the stream is down. */
const REFRESH_MS = 15_000;
/** An organisation has at most 200 of each; two pages of the API. */
const PAGE_SIZE = 100;
/** A dry run reads up to 200,000 samples. */
const DRY_RUN_TIMEOUT_MS = 60_000;

export const alertListQuery = (query: Pick<AlertListQuery, "status" | "jobId" | "ruleId">) =>
  infiniteQueryOptions({
    queryKey: ["alerts", "list", query],
    queryFn: ({ pageParam, signal }) =>
      request({
        url: api.alerts({ ...query, limit: 50, ...(pageParam !== null && { cursor: pageParam }) }),
        answer: AlertPage,
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: ({ pagination }) => pagination.nextCursor,
    refetchInterval: REFRESH_MS,
  });

export const openAlertCountQuery = queryOptions({
  queryKey: ["alerts", "count"],
  queryFn: async ({ signal }) => {
    const page = await request({ url: api.alerts({ status: "open", limit: 1 }), answer: AlertPage, signal });
    return page.pagination.totalItems;
  },
  refetchInterval: REFRESH_MS,
});

export const alertQuery = (id: string) =>
  queryOptions({
    queryKey: ["alerts", "one", id],
    queryFn: ({ signal }) => request({ url: api.alert(id), answer: AlertDetail, signal }),
    refetchInterval: REFRESH_MS,
  });

export const ruleListQuery = queryOptions({
  queryKey: ["rules", "list"],
  queryFn: ({ signal }) =>
    readAll((cursor) => request({ url: api.rules(pageOf(cursor)), answer: AlertRulePage, signal })),
});

export const ruleQuery = (id: string) =>
  queryOptions({
    queryKey: ["rules", "one", id],
    queryFn: ({ signal }) => request({ url: api.rule(id), answer: AlertRule, signal }),
  });

export function createRule(body: AlertRuleCreate) {
  return request({ method: "POST", url: api.rules(), body, answer: AlertRule });
}

export function updateRule({ id, version, patch }: { id: string; version: number; patch: AlertRulePatch }) {
  return request({ method: "PATCH", url: api.rule(id), body: patch, ifMatch: version, answer: AlertRule });
}

export function deleteRule(id: string) {
  return request({ method: "DELETE", url: api.rule(id) });
}

export function dryRunRule(body: AlertDryRunBody) {
  return request({
    method: "POST",
    url: api.ruleDryRun(),
    body,
    answer: AlertDryRun,
    timeoutMs: DRY_RUN_TIMEOUT_MS,
  });
}

export const windowListQuery = queryOptions({
  queryKey: ["maintenance", "list"],
  queryFn: ({ signal }) =>
    readAll((cursor) =>
      request({ url: api.maintenance(pageOf(cursor)), answer: MaintenanceWindowPage, signal }),
    ),
  refetchInterval: REFRESH_MS,
});

export const windowQuery = (id: string) =>
  queryOptions({
    queryKey: ["maintenance", "one", id],
    queryFn: ({ signal }) => request({ url: api.maintenanceWindow(id), answer: MaintenanceWindow, signal }),
  });

export function createWindow(body: MaintenanceWindowCreate) {
  return request({ method: "POST", url: api.maintenance(), body, answer: MaintenanceWindow });
}

export function updateWindow({
  id,
  version,
  patch,
}: {
  id: string;
  version: number;
  patch: MaintenanceWindowPatch;
}) {
  const url = api.maintenanceWindow(id);
  return request({ method: "PATCH", url, body: patch, ifMatch: version, answer: MaintenanceWindow });
}

export function deleteWindow(id: string) {
  return request({ method: "DELETE", url: api.maintenanceWindow(id) });
}

/** A change of one job's parent changes what is known of three. */
export const familyQueryKey = ["families"];

export const familyQuery = (jobId: string) =>
  queryOptions({
    queryKey: [...familyQueryKey, jobId],
    queryFn: ({ signal }) => request({ url: api.jobParent(jobId), answer: JobFamily, signal }),
    refetchInterval: REFRESH_MS,
  });

export function setJobParent(jobId: string, parentId: string | null) {
  return request({ method: "PUT", url: api.jobParent(jobId), body: { parentId }, answer: JobParent });
}

function pageOf(cursor: string | null) {
  return { limit: PAGE_SIZE, ...(cursor !== null && { cursor }) };
}

async function readAll<Item>(
  read: (cursor: string | null) => Promise<{ data: Item[]; pagination: { nextCursor: string | null } }>,
): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | null = null;
  do {
    const { data, pagination } = await read(cursor);
    items.push(...data);
    cursor = pagination.nextCursor;
  } while (cursor !== null);
  return items;
}
