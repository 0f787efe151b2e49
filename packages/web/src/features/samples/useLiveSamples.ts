import type { Job } from "@nightbell/contract";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useJobStream, type StreamState } from "../../api/stream.js";
import { samplesQuery, withLive } from "./queries.js";
import { MAX_LIVE, type LiveSample } from "./series.js";

/** When so many rows piled up above the first page of the table, it is read anew. */
const MAX_LIVE_ROWS = 300;

/** Follows a job: keeps the samples that came in for the chart and puts them on top of the table. */
export function useLiveSamples(
  jobId: string,
  wanted: boolean,
  onJob: (job: Job | null) => void,
): { live: readonly LiveSample[]; state: StreamState } {
  const queryClient = useQueryClient();
  const [live, setLive] = useState<readonly LiveSample[]>([]);
  const [liveOf, setLiveOf] = useState(jobId);
  if (liveOf !== jobId) {
    setLiveOf(jobId);
    setLive([]);
  }
  const state = useJobStream(jobId, wanted, {
    onEvent: (event) => {
      if (event.type === "job") return onJob(event.job);
      const receivedAtMs = Date.now();
      setLive((current) =>
        [...current, ...event.samples.map((sample) => ({ sample, receivedAtMs }))].slice(-MAX_LIVE),
      );
      const key = samplesQuery(jobId).queryKey;
      const next = queryClient.setQueryData(key, (pages) => pages && withLive(pages, event.samples));
      if ((next?.pages[0]?.data.length ?? 0) > MAX_LIVE_ROWS)
        void queryClient.resetQueries({ queryKey: key });
    },
    onResume: () => void queryClient.invalidateQueries({ queryKey: ["jobs", "one", jobId] }),
  });
  return { live, state };
}
