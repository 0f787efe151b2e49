import { healthOfJob, type Job } from "@nightbell/contract";
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { hasCode } from "../../../api/errors.js";
import { NotFound } from "../../../app/NotFoundPage.js";
import { useShortcuts } from "../../../app/shortcuts.js";
import { usePageTitle } from "../../../app/title.js";
import { Card } from "../../../ui/Card.js";
import { ErrorState, Loading, Notice } from "../../../ui/states.js";
import { useTimeZone } from "../../accounts/queries.js";
import { HeartbeatCard } from "../../heartbeats/HeartbeatCard.js";
import { JobAlerts } from "../../alerts/JobAlerts.js";
import { JobParentCard } from "../../alerts/JobParentCard.js";
import { ChartCard } from "../../samples/ChartCard.js";
import { summaryQuery } from "../../samples/queries.js";
import { lagLabels, useLag } from "../../samples/lag.js";
import type { RangeSearch } from "../../samples/range.js";
import { SamplesTable } from "../../samples/SamplesTable.js";
import { Figures, StatisticsList } from "../../samples/Statistics.js";
import { useChartWindow } from "../../samples/useChartWindow.js";
import { useLiveSamples } from "../../samples/useLiveSamples.js";
import { useRecent } from "../list/useRecent.js";
import { jobQuery } from "../queries.js";
import { canDo, hasEnded } from "../transitions.js";
import { healthLabels, statusLabels } from "../words.js";
import { CompletionMail } from "./CompletionMail.js";
import { Configuration } from "./Configuration.js";
import { JobHeader } from "./JobHeader.js";
import { SilentLocations } from "./SilentLocations.js";
import { useJobActions } from "./useJobActions.js";

const route = getRouteApi("/app/jobs/$jobId");

/** Live news brings changes at once; this is for when the stream is down. */
const JOB_REFRESH_MS = 15_000;

export function JobPage() {
  const { jobId } = route.useParams();
  const job = useQuery({ ...jobQuery(jobId), refetchInterval: JOB_REFRESH_MS });
  if (hasCode(job.error, "not_found")) return <NotFound />;
  if (job.data !== undefined) return <JobView key={jobId} job={job.data} />;
  if (job.error !== null) return <ErrorState error={job.error} onRetry={() => void job.refetch()} />;
  return <Loading label="Loading the job" />;
}

function JobView({ job }: { job: Job }) {
  const search = route.useSearch();
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const timeZone = useTimeZone();
  const { live, state: streamState } = useLiveSamples(job.id, !hasEnded(job.status), (news) => {
    if (news === null) void queryClient.resetQueries({ queryKey: jobQuery(job.id).queryKey });
    else queryClient.setQueryData(jobQuery(job.id).queryKey, news);
  });
  const chartWindow = useChartWindow(job, search);
  const summary = useQuery({
    ...summaryQuery(job.id, chartWindow.key, chartWindow.read),
    refetchInterval: chartWindow.isFollowing ? chartWindow.summaryRefreshMs : false,
    placeholderData: keepPreviousData,
  });
  const actions = useJobActions(job);

  const health = healthOfJob(job, useRecent([job.id]).get(job.id));
  const lag = useLag(job.status, live);
  const { label: state } = health === null ? statusLabels[job.status] : healthLabels[health];
  usePageTitle(`${lag === "none" ? state : lagLabels[lag]}: ${job.title}`);

  const edit = () => void navigate({ to: "/jobs/$jobId/edit", params: { jobId: job.id } });
  useShortcuts({
    e: edit,
    p: () => {
      if (canDo("pause", job.status)) actions.ask("pause");
      else if (canDo("resume", job.status)) actions.ask("resume");
    },
  });
  const setRange = (range: RangeSearch) =>
    void navigate({ to: "/jobs/$jobId", params: { jobId: job.id }, search: range, resetScroll: false });

  return (
    <div className="mx-auto max-w-7xl px-4 pb-16 sm:px-8">
      <JobHeader
        job={job}
        health={health}
        lag={lag}
        streamState={streamState}
        timeZone={timeZone}
        actions={actions}
        onEdit={edit}
      />
      <div className="grid gap-5">
        {job.status === "paused" && (
          <Notice tone="warn" title="This job is paused">
            Nothing is measured until you resume it; the chart shows the time since as a gap.
          </Notice>
        )}
        <SilentLocations job={job} live={live} />
        {job.type === "heartbeat" && <HeartbeatCard job={job} timeZone={timeZone} />}
        <Figures summary={summary.data} lossLimit={job.thresholds.lossPercent} />
        <ChartCard
          job={job}
          chartWindow={chartWindow}
          live={live}
          isUpToDate={lag === "none"}
          streamState={streamState}
          timeZone={timeZone}
          onRange={setRange}
        />
        <div className="grid items-start gap-5 xl:grid-cols-[minmax(0,1fr)_22rem]">
          <SamplesTable
            jobId={job.id}
            hasLocations={job.locations.length > 1}
            live={live}
            timeZone={timeZone}
          />
          <div className="grid gap-5 md:max-xl:grid-cols-2 md:max-xl:items-start">
            <Card title="Statistics" aside={<p className="text-xs text-faint">Of the window above</p>}>
              {summary.data !== undefined && <StatisticsList summary={summary.data} />}
            </Card>
            {job.status === "completed" && <CompletionMail jobId={job.id} timeZone={timeZone} />}
            <JobAlerts jobId={job.id} />
            <JobParentCard job={job} />
            <Configuration job={job} timeZone={timeZone} onEdit={edit} />
          </div>
        </div>
      </div>
      {actions.dialog}
    </div>
  );
}
