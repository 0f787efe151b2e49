import type { Job } from "@nightbell/contract";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { Notice } from "../../../ui/states.js";
import { pollersQuery } from "../../pollers/queries.js";
import { silenceAt, silentLocations } from "../../pollers/troubles.js";
import { unmeasuredLocations } from "../../samples/locations.js";
import { samplesQuery } from "../../samples/queries.js";
import type { LiveSample } from "../../samples/series.js";

/** Pollers are asked for only when a location is silent, and hardly change while somebody reads why. */
const REFRESH_MS = 30_000;

/** Says from which of a running job's locations nothing is measured, for want of a poller. */
export function SilentLocations({ job, live }: { job: Job; live: readonly LiveSample[] }) {
  const { data: samples } = useInfiniteQuery(samplesQuery(job.id));
  const unmeasured = useMemo(() => {
    if (samples === undefined || job.status !== "running") return [];
    const fetched = samples.pages[0]?.data ?? [];
    return unmeasuredLocations(job, [...fetched, ...live.map(({ sample }) => sample)]);
  }, [job, samples, live]);
  const { data: pollers, hasNextPage } = useInfiniteQuery({
    ...pollersQuery,
    enabled: unmeasured.length > 0,
    refetchInterval: REFRESH_MS,
  });
  // With more pollers than a page holds, the one that is missing may be on the next.
  if (pollers === undefined || hasNextPage) return null;
  const known = pollers.pages.flatMap((page) => page.data);
  return silentLocations(unmeasured, known).map((location) => {
    const { title, advice } = silenceAt(location, known);
    return (
      <Notice key={location} tone="warn" title={title}>
        {advice}
      </Notice>
    );
  });
}
