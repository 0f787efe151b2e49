import { healthOfJob, type Job, type JobRecent, type TargetHealth } from "@nightbell/contract";
import { Link } from "@tanstack/react-router";
import { memo } from "react";
import { formatCadence, formatSeconds } from "../../../format/durations.js";
import { formatPercent, formatRtt, NO_VALUE } from "../../../format/measures.js";
import { IconButton } from "../../../ui/Button.js";
import { CheckMark } from "../../../ui/Field.js";
import { Icon } from "../../../ui/Icon.js";
import { Menu, MenuItem, MenuLine } from "../../../ui/Menu.js";
import { Bone } from "../../../ui/states.js";
import type { BulkAction } from "../queries.js";
import { HealthLabel, StatusLabel } from "../StatusLabel.js";
import { actionLabels, canDo } from "../transitions.js";
import { healthLabels, sampleLabels, statusLabels, typeLabels } from "../words.js";
import { ROW_GRID } from "./columns.js";
import { Sparkline } from "./Sparkline.js";

interface Props {
  job: Job;
  recent: JobRecent | undefined;
  index: number;
  isSelected: boolean;
  /** Whether there is room for columns. */
  isWide: boolean;
  /** Where the row stands, in pixels from the first; plain numbers, so that a row which only moves past is not drawn again. */
  top: number;
  height: number;
  onSelect: (index: number, job: Job, isRange: boolean) => void;
  onAction: (action: BulkAction | "edit", job: Job) => void;
  onFocus: (index: number) => void;
}

export const JobRow = memo(function JobRow(props: Props) {
  const { job, recent, index, isSelected, isWide, top, height } = props;
  const health = healthOfJob(job, recent);
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-selected={isSelected}
      data-row={index}
      style={{ top, height }}
      onFocus={() => props.onFocus(index)}
      className={`absolute inset-x-0 border-b border-line/70 px-1 sm:px-3 ${ROW_GRID} ${
        isSelected ? "bg-brass/8" : "hover:bg-hover"
      } ${health === null ? "" : edges[health]}`}
    >
      <div role="cell" className="relative z-10 grid h-full place-items-center">
        <CheckMark
          aria-label={`Select ${job.title}`}
          checked={isSelected}
          onChange={() => undefined}
          onClick={(event) => props.onSelect(index, job, event.shiftKey)}
        />
      </div>
      {isWide ? (
        <WideCells job={job} recent={recent} health={health} onAction={props.onAction} />
      ) : (
        <NarrowCells job={job} recent={recent} health={health} />
      )}
    </div>
  );
});

interface CellProps {
  job: Job;
  recent: JobRecent | undefined;
  health: TargetHealth | null;
}

function WideCells({ job, recent, health, onAction }: CellProps & Pick<Props, "onAction">) {
  const isUnknownYet = job.status === "running" && recent === undefined;
  return (
    <>
      <div role="cell" className="flex flex-col items-start gap-0.5">
        {isUnknownYet ? <Bone className="h-4 w-14" /> : health !== null && <HealthLabel health={health} />}
        <StatusLabel status={job.status} isSmall={isUnknownYet || health !== null} />
      </div>
      <div role="cell" className="min-w-0 pr-4">
        <div className="flex items-center gap-1.5">
          <TitleLink job={job} />
          {job.monitoringMode === "simulated" && (
            <span className="shrink-0 rounded-sm border border-line px-1 text-2xs text-faint">simulated</span>
          )}
        </div>
        <SecondLine job={job} />
      </div>
      <div role="cell" className="hidden text-sm text-soft xl:block">
        {typeLabels[job.type].label}
      </div>
      <div role="cell" className="hidden text-sm whitespace-nowrap text-soft xl:block">
        {formatCadence(job.cadenceSeconds)}
      </div>
      <div role="cell">
        {recent === undefined ? <Bone className="h-px w-33" /> : <Sparkline points={recent.points} />}
      </div>
      <div role="cell" className="flex justify-end text-sm">
        <LastSample recent={recent} />
      </div>
      <div role="cell" className="num text-right text-sm">
        {recent === undefined ? <Bone className="ml-auto h-3 w-8" /> : <Loss percent={recent.lossPercent} />}
      </div>
      <div role="cell" className="relative z-10 justify-self-end">
        <RowMenu job={job} onAction={onAction} />
      </div>
    </>
  );
}

function NarrowCells({ job, recent, health }: CellProps) {
  const state = health === null ? statusLabels[job.status] : healthLabels[health];
  return (
    <>
      <div role="cell" className="min-w-0 pr-4">
        <div className="flex items-center gap-1.5">
          {health === "down" || health === "unknown" ? (
            <HealthLabel health={health} />
          ) : (
            <Icon name={state.icon} size={14} label={state.label} className={state.tone} />
          )}
          <TitleLink job={job} />
        </div>
        <SecondLine job={job} />
      </div>
      <div role="cell" className="flex flex-col items-end gap-0.5 pr-2">
        {recent === undefined ? (
          <Bone className="h-px w-22" />
        ) : (
          <Sparkline points={recent.points.slice(-20)} slots={20} />
        )}
        <div className="flex items-center gap-2 text-xs">
          <LastSample recent={recent} />
          {(recent?.lossPercent ?? 0) > 0 && (
            <span className="num">
              <Loss percent={recent?.lossPercent} />
            </span>
          )}
        </div>
      </div>
    </>
  );
}

/** Stretched over the row, which opens wherever it is pressed. */
function TitleLink({ job }: { job: Job }) {
  return (
    <Link
      to="/jobs/$jobId"
      params={{ jobId: job.id }}
      title={job.title}
      className="truncate font-medium outline-none after:absolute after:inset-0 focus-visible:after:rounded-sm focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-brass"
    >
      {job.title}
    </Link>
  );
}

function SecondLine({ job }: { job: Job }) {
  return (
    <div className="flex items-center gap-1.5 text-xs text-faint">
      <span className="shrink-0 xl:hidden">
        {typeLabels[job.type].label} · {formatSeconds(job.cadenceSeconds)}
      </span>
      {/* A job without a title of its own has the target's. */}
      {job.target !== job.title && (
        <>
          <span className="xl:hidden">·</span>
          <span className="code truncate" title={job.target}>
            {job.target}
          </span>
        </>
      )}
    </div>
  );
}

/** At the left edge of what needs a look. */
const edges: Record<TargetHealth, string> = {
  up: "",
  down: "shadow-[inset_3px_0_0_var(--color-missed)]",
  unknown: "shadow-[inset_3px_0_0_var(--color-fault)]",
};

function LastSample({ recent }: { recent: JobRecent | undefined }) {
  if (recent === undefined) return <Bone className="h-3 w-12" />;
  if (recent.lastStatus === null) {
    return <span className="text-faint">{NO_VALUE}</span>;
  }
  if (recent.lastStatus === "success") return <span className="num">{formatRtt(recent.lastRttMs)}</span>;
  const { label, icon, tone } = sampleLabels[recent.lastStatus];
  return (
    <span className={`inline-flex items-center gap-1 font-medium whitespace-nowrap ${tone}`}>
      <Icon name={icon} size={13} />
      {recent.lastStatus === "system_error" ? "Error" : label}
    </span>
  );
}

function Loss({ percent }: { percent: number | null | undefined }) {
  const tone = percent == null || percent === 0 ? "text-faint" : "text-missed";
  return <span className={tone}>{formatPercent(percent)}</span>;
}

function RowMenu({ job, onAction }: { job: Job; onAction: Props["onAction"] }) {
  return (
    <Menu trigger={<IconButton icon="more" label={`Actions for ${job.title}`} />}>
      <MenuItem icon="pencil" onSelect={() => onAction("edit", job)}>
        Edit
      </MenuItem>
      {(["pause", "resume", "cancel"] as const)
        .filter((action) => canDo(action, job.status))
        .map((action) => (
          <MenuItem key={action} icon={actionLabels[action].icon} onSelect={() => onAction(action, job)}>
            {actionLabels[action].verb}
          </MenuItem>
        ))}
      <MenuLine />
      <MenuItem icon="trash" tone="danger" onSelect={() => onAction("delete", job)}>
        Delete
      </MenuItem>
    </Menu>
  );
}

/** Stands where a row will be as soon as its page has arrived; as little as can be, since many fly past at once. */
export function RowBones({ top, height }: { top: number; height: number }) {
  return (
    <div
      aria-hidden="true"
      style={{ top, height }}
      className="absolute inset-x-0 flex flex-col justify-center gap-2 border-b border-line/70 pl-12 sm:pl-14 md:pl-42"
    >
      <span className="h-3 w-48 rounded-sm bg-line" />
      <span className="h-2.5 w-32 rounded-sm bg-line" />
    </div>
  );
}
