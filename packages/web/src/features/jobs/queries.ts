import {
  Job,
  JobBulkResult,
  JobPage,
  JobRecentList,
  MailList,
  ProbeResult,
  type JobCreate,
  type JobListQuery,
  type JobPatch,
  type ProbeTestBody,
} from "@nightbell/contract";
import { queryOptions, type QueryClient } from "@tanstack/react-query";
import { request } from "../../api/request.js";
import { api } from "../../api/urls.js";

export type BulkAction = "pause" | "resume" | "cancel" | "delete";
type Transition = Exclude<BulkAction, "delete">;

/** Rows of the list change by themselves (jobs complete, colleagues act), so what is in view is read again. */
const LIST_REFRESH_MS = 10_000;

export const jobQuery = (id: string) =>
  queryOptions({
    queryKey: ["jobs", "one", id],
    queryFn: ({ signal }) => request({ url: api.job(id), answer: Job, signal }),
  });

export const jobPageQuery = (query: JobListQuery) =>
  queryOptions({
    queryKey: ["jobs", "list", query],
    queryFn: ({ signal }) => request({ url: api.jobs(query), answer: JobPage, signal }),
    refetchInterval: LIST_REFRESH_MS,
  });

/** A mail that waits is looked at again so often. */
const MAIL_REFRESH_MS = 5_000;

export const mailsQuery = (id: string) =>
  queryOptions({
    queryKey: ["jobs", "one", id, "mails"],
    queryFn: ({ signal }) => request({ url: api.jobMails(id), answer: MailList, signal }),
    refetchInterval: ({ state }) =>
      state.data?.data.some(({ status }) => status === "waiting") === true ? MAIL_REFRESH_MS : false,
  });

export function fetchRecent(ids: readonly string[], signal: AbortSignal) {
  return request({ url: api.jobsRecent(ids), answer: JobRecentList, signal });
}

export function createJob(body: JobCreate) {
  return request({ method: "POST", url: api.jobs(), body, answer: Job });
}

export function updateJob({ id, version, patch }: { id: string; version: number; patch: JobPatch }) {
  return request({ method: "PATCH", url: api.job(id), body: patch, ifMatch: version, answer: Job });
}

export function deleteJob(id: string) {
  return request({ method: "DELETE", url: api.job(id) });
}

export function transitionJob({ id, action }: { id: string; action: Transition }) {
  return request({ method: "POST", url: api.jobAction(id, action), answer: Job });
}

export function bulkJobs(body: { action: BulkAction; ids: string[] }) {
  return request({ method: "POST", url: api.jobsBulk(), body, answer: JobBulkResult });
}

/** A test runs as long as the probe's own timeout; the answer is waited for a little longer. */
const TEST_SLACK_MS = 5_000;

export function testProbe(body: ProbeTestBody, probeTimeoutMs: number) {
  return request({
    method: "POST",
    url: api.probeTest(),
    body,
    answer: ProbeResult,
    timeoutMs: probeTimeoutMs + TEST_SLACK_MS,
  });
}

/** After a job was made, changed or deleted: lists on the screen are read again, remembered ones forgotten. */
export function refreshJobLists(queryClient: QueryClient): Promise<void> {
  const lists = { queryKey: ["jobs", "list"] };
  queryClient.removeQueries({ ...lists, type: "inactive" });
  return queryClient.invalidateQueries(lists);
}
