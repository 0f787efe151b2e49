import { Heartbeat, HeartbeatToken } from "@nightbell/contract";
import { queryOptions } from "@tanstack/react-query";
import { request } from "../../api/request.js";
import { api } from "../../api/urls.js";

/** Beats are no samples and bring no live news. */
const REFRESH_MS = 5_000;

export const heartbeatQuery = (jobId: string) =>
  queryOptions({
    queryKey: ["heartbeats", jobId],
    queryFn: ({ signal }) => request({ url: api.heartbeat(jobId), answer: Heartbeat, signal }),
    refetchInterval: REFRESH_MS,
  });

export function makeToken(jobId: string) {
  return request({ method: "POST", url: api.heartbeatToken(jobId), answer: HeartbeatToken });
}
