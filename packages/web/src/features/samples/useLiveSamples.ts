import type { Job } from "@nightbell/contract";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type StreamState, useStream } from "../../api/stream.js";
import { MAX_LIVE, type LiveSample } from "./series.js";

/** Follows a job: the samples that came in since the page was opened, for the chart and the table. */
export function useLiveSamples(
  jobId: string,
  wanted: boolean,
  onJob: (job: Job | null) => void,
): { live: readonly LiveSample[]; state: StreamState } {
  const queryClient = useQueryClient();
  const [live, setLive] = useState<readonly LiveSample[]>([]);
  const state = useStream(`job:${jobId}`, wanted, {
    onEvent: (event) => {
      if (event.type === "job") return onJob(event.job);
      if (event.type !== "samples") return;
      const receivedAtMs = Date.now();
      setLive((current) =>
        [...current, ...event.samples.map((sample) => ({ sample, receivedAtMs }))].slice(-MAX_LIVE),
      );
    },
    onOpen: () => void queryClient.invalidateQueries({ queryKey: ["jobs", "one", jobId] }),
  });
  return { live, state };
}
