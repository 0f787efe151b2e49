import type { JobStatus, SampleStatus } from "@nightbell/contract";
import { Icon } from "../../ui/Icon.js";
import { sampleLabels, statusLabels } from "./words.js";

/** A job's status as icon and word, never by colour alone. */
export function StatusLabel({ status, className = "" }: { status: JobStatus; className?: string }) {
  const { label, icon, tone } = statusLabels[status];
  return (
    <span className={`inline-flex items-center gap-1.5 align-middle text-sm font-medium ${className}`}>
      <Icon name={icon} size={15} className={tone} />
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
