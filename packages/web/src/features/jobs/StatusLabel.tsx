import type { JobStatus, SampleStatus, TargetHealth } from "@nightbell/contract";
import { Icon } from "../../ui/Icon.js";
import { healthLabels, sampleLabels, statusLabels } from "./words.js";

/** A job's status as icon and word, never by colour alone; small beside what the target's health says. */
export function StatusLabel({ status, isSmall = false }: { status: JobStatus; isSmall?: boolean }) {
  const { label, icon, tone } = statusLabels[status];
  return (
    <span
      className={`inline-flex items-center align-middle ${isSmall ? "gap-1 text-xs text-faint" : "gap-1.5 text-sm font-medium text-soft"}`}
    >
      <Icon name={icon} size={isSmall ? 13 : 15} className={isSmall ? "" : tone} />
      {label}
    </span>
  );
}

/** Whether the target answers: filled in when it does not, so that it stands out from a list of hundreds. */
export function HealthLabel({ health }: { health: TargetHealth }) {
  const { label, icon, tone, explains } = healthLabels[health];
  const look = {
    up: "text-ink",
    down: "bg-missed px-1.5 font-semibold text-on-danger",
    unknown: "border border-dashed border-fault px-1.5 text-fault",
  }[health];
  return (
    <span
      title={explains}
      className={`inline-flex h-5.5 items-center gap-1 rounded-sm text-sm font-medium ${look}`}
    >
      <Icon name={icon} size={13} className={health === "up" ? tone : ""} />
      {label}
    </span>
  );
}

export function SampleLabel({ status }: { status: SampleStatus }) {
  const { label, icon, tone } = sampleLabels[status];
  return (
    <span
      className={`inline-flex items-center gap-1.5 font-medium whitespace-nowrap ${status === "success" ? "text-soft" : tone}`}
    >
      <Icon name={icon} size={14} className={tone} />
      {label}
    </span>
  );
}
