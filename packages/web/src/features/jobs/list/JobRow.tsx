import type { Job, JobRecent } from "@nightbell/contract";
import { Link } from "@tanstack/react-router";
import { memo, type CSSProperties } from "react";
import { formatCadence } from "../../../format/durations.js";
import { formatPercent, formatRtt, NO_VALUE } from "../../../format/measures.js";
import { IconButton } from "../../../ui/Button.js";
import { CheckMark } from "../../../ui/Field.js";
import { Icon } from "../../../ui/Icon.js";
import { Menu, MenuItem, MenuLine } from "../../../ui/Menu.js";
import { Bone } from "../../../ui/states.js";
import type { BulkAction } from "../queries.js";
import { StatusLabel } from "../StatusLabel.js";
import { actionLabels, canDo } from "../transitions.js";
import { sampleLabels, statusLabels, typeLabels } from "../words.js";
import { ROW_GRID } from "./columns.js";
import { Sparkline } from "./Sparkline.js";

interface Props {
  job: Job;
  recent: JobRecent | undefined;
  index: number;
  isSelected: boolean;
  style: CSSProperties;
  onSelect: (index: number, job: Job, isRange: boolean) => void;
  onAction: (action: BulkAction | "edit", job: Job) => void;
  onFocus: (index: number) => void;
}

export const JobRow = memo(function JobRow(props: Props) {
  const { job, recent, index, isSelected, style } = props;
  const status = statusLabels[job.status];
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-selected={isSelected}
      data-row={index}
      style={style}
      onFocus={() => props.onFocus(index)}
      className={`absolute inset-x-0 top-0 border-b border-line/70 px-1 transition-colors sm:px-3 ${ROW_GRID} ${
        isSelected ? "bg-brass/8" : "hover:bg-hover"
      }`}
    >
      <div role="cell" className="relative z-10 grid h-full place-items-center">
        <CheckMark
          aria-label={`Select ${job.title}`}
          checked={isSelected}
          onChange={() => undefined}
          onClick={(event) => props.onSelect(index, job, event.shiftKey)}
        />
      </div>
      <div role="cell" className="hidden md:flex">
        <StatusLabel status={job.status} className="text-soft" />
      </div>
      <div role="cell" className="min-w-0 pr-4">
        <div className="flex items-center gap-1.5">
          <Icon name={status.icon} size={14} label={status.label} className={`md:hidden ${status.tone}`} />
          <Link
            to="/jobs/$jobId"
            params={{ jobId: job.id }}
            title={job.title}
            className="truncate font-medium outline-none after:absolute after:inset-0 focus-visible:after:rounded-sm focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-brass"
          >
            {job.title}
          </Link>
          {job.monitoringMode === "simulated" && (
            <span className="shrink-0 rounded-sm border border-line px-1 text-2xs text-faint max-sm:hidden">
              simulated
            </span>
          )}
        </div>
        <div className="flex items-center gap-1.5 text-xs text-faint">
          <span className="shrink-0 xl:hidden">
            {typeLabels[job.type].label} · <span className="max-md:hidden">every </span>
            {formatCadence(job.cadenceSeconds).slice("every ".length)} ·
          </span>
          <span className="code truncate" title={job.target}>
            {job.target}
          </span>
        </div>
      </div>
      <div role="cell" className="hidden text-sm text-soft xl:block">
        {typeLabels[job.type].label}
      </div>
      <div role="cell" className="hidden text-sm whitespace-nowrap text-soft xl:block">
        {formatCadence(job.cadenceSeconds)}
      </div>
      <div role="cell" className="hidden md:block">
        {recent === undefined ? <Bone className="h-px w-33" /> : <Sparkline points={recent.points} />}
      </div>
      <div role="cell" className="hidden justify-end text-sm md:flex">
        <LastSample recent={recent} />
      </div>
      <div role="cell" className="num hidden text-right text-sm md:block">
        <Loss percent={recent?.lossPercent} />
      </div>
      <div role="cell" className="relative z-10 hidden justify-self-end md:block">
        <RowMenu job={job} onAction={props.onAction} />
      </div>
      <div role="cell" className="flex flex-col items-end gap-0.5 pr-2 md:hidden">
        {recent !== undefined && <Sparkline points={recent.points.slice(-20)} slots={20} />}
        <div className="flex items-center gap-2 text-xs">
          <LastSample recent={recent} />
          {(recent?.lossPercent ?? 0) > 0 && (
            <span className="num">
              <Loss percent={recent?.lossPercent} />
            </span>
          )}
        </div>
      </div>
    </div>
  );
});

function LastSample({ recent }: { recent: JobRecent | undefined }) {
  if (recent?.lastStatus === undefined || recent.lastStatus === null) {
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
export function RowBones({ style }: { style: CSSProperties }) {
  return (
    <div
      aria-hidden="true"
      style={style}
      className="absolute inset-x-0 top-0 flex flex-col justify-center gap-2 border-b border-line/70 pl-12 sm:pl-14 md:pl-42"
    >
      <span className="h-3 w-48 rounded-sm bg-line" />
      <span className="h-2.5 w-32 rounded-sm bg-line" />
    </div>
  );
}
