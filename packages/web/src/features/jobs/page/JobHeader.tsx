import type { Job, TargetHealth } from "@nightbell/contract";
import { Link } from "@tanstack/react-router";
import type { StreamState } from "../../../api/stream.js";
import { formatCadence } from "../../../format/durations.js";
import { formatAgo, formatInstant } from "../../../format/times.js";
import { Button, IconButton } from "../../../ui/Button.js";
import { Icon } from "../../../ui/Icon.js";
import { Menu, MenuItem, MenuLine } from "../../../ui/Menu.js";
import { useNow } from "../../../ui/useNow.js";
import { HealthLabel, StatusLabel } from "../StatusLabel.js";
import { type Lag, lagLabels } from "../../samples/lag.js";
import { canDo } from "../transitions.js";
import { typeLabels } from "../words.js";
import type { JobActions } from "./useJobActions.js";

export function JobHeader({
  job,
  health,
  lag,
  streamState,
  timeZone,
  actions,
  onEdit,
}: {
  job: Job;
  health: TargetHealth | null;
  lag: Lag;
  streamState: StreamState;
  timeZone: string;
  actions: JobActions;
  onEdit: () => void;
}) {
  return (
    <header className="pt-4 pb-5 sm:pt-6">
      <Link
        to="/jobs"
        className="-ml-1.5 inline-flex h-7 items-center gap-1 rounded-md px-1.5 text-sm text-soft hover:text-ink"
      >
        <Icon name="chevronLeft" size={14} /> Jobs
      </Link>
      <div className="mt-1 flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
        <div className="min-w-0 flex-1 basis-80">
          <h1 className="line-clamp-2 text-2xl font-semibold [overflow-wrap:anywhere]" title={job.title}>
            {job.title}
          </h1>
          {job.target !== job.title && (
            <p className="code mt-1 [overflow-wrap:anywhere] text-soft">{job.target}</p>
          )}
          <div className="mt-2.5 flex flex-wrap items-center gap-x-4 gap-y-1 text-sm text-soft">
            <span role="status" className="inline-flex items-center gap-x-3">
              {health !== null && (
                <span className="inline-flex items-center gap-x-1.5">
                  {lag !== "none" && "Last known"} <HealthLabel health={health} />
                </span>
              )}
              <StatusLabel status={job.status} />
            </span>
            <LiveState state={job.status === "running" ? streamState : "off"} lag={lag} />
            <span>
              {typeLabels[job.type].label}, {formatCadence(job.cadenceSeconds)}
            </span>
            <Since job={job} timeZone={timeZone} />
            {job.monitoringMode === "simulated" && (
              <span className="rounded-sm border border-line px-1.5 text-xs text-faint">simulated</span>
            )}
          </div>
        </div>
        <div className="flex gap-2">
          {canDo("pause", job.status) && (
            <Button icon="pause" isBusy={actions.isBusy} onClick={() => actions.ask("pause")}>
              Pause
            </Button>
          )}
          {canDo("resume", job.status) && (
            <Button look="primary" icon="play" isBusy={actions.isBusy} onClick={() => actions.ask("resume")}>
              Resume
            </Button>
          )}
          <Button icon="pencil" onClick={onEdit}>
            Edit
          </Button>
          <Menu trigger={<IconButton icon="more" label="More actions" look="plain" />}>
            {canDo("cancel", job.status) && (
              <>
                <MenuItem icon="stop" onSelect={() => actions.ask("cancel")}>
                  Cancel job
                </MenuItem>
                <MenuLine />
              </>
            )}
            <MenuItem icon="trash" tone="danger" onSelect={() => actions.ask("delete")}>
              Delete job
            </MenuItem>
          </Menu>
        </div>
      </div>
    </header>
  );
}

const liveStates: Record<Exclude<StreamState, "off">, { label: string; tone: string; dot: string }> = {
  connecting: { label: "Connecting", tone: "text-faint", dot: "bg-faint" },
  live: { label: "Live", tone: "text-good", dot: "bg-good motion-safe:animate-pulse-soft" },
  reconnecting: { label: "Reconnecting", tone: "text-warn", dot: "bg-warn" },
};

/** That a stream is open says nothing while nothing can come through it. */
function LiveState({ state, lag }: { state: StreamState; lag: Lag }) {
  if (state === "off") return null;
  const { tone, dot, ...shown } = liveStates[state === "live" && lag !== "none" ? "reconnecting" : state];
  const label = lag === "unstored" || (lag !== "none" && state === "live") ? lagLabels[lag] : shown.label;
  return (
    <span role="status" className={`inline-flex items-center gap-1.5 font-medium ${tone}`}>
      <span aria-hidden="true" className={`size-1.75 rounded-full ${dot}`} />
      {label}
    </span>
  );
}

function Since({ job, timeZone }: { job: Job; timeZone: string }) {
  const now = useNow(20_000);
  const at = job.completedAt ?? job.startedAt;
  if (at === null) return <span>not started yet</span>;
  return (
    <span title={formatInstant(at, timeZone)}>
      {job.completedAt === null ? "started" : "ended"} {formatAgo(at, now)}
    </span>
  );
}
