import { optionsByType, type Job } from "@nightbell/contract";
import { formatSeconds } from "../../../format/durations.js";
import { formatRtt } from "../../../format/measures.js";
import { formatInstant } from "../../../format/times.js";
import { Button } from "../../../ui/Button.js";
import { Card } from "../../../ui/Card.js";
import { Facts } from "../../../ui/Facts.js";
import { isSame } from "../form/validate.js";
import { fieldLabels, typeLabels } from "../words.js";

/** What the job is set to; of the options only those that differ from their defaults, besides the timeout. */
export function Configuration({ job, timeZone, onEdit }: { job: Job; timeZone: string; onEdit: () => void }) {
  const { thresholds } = job;
  const rows: [string, string][] = [
    ["Type", typeLabels[job.type].label],
    ["Cadence", formatSeconds(job.cadenceSeconds)],
    ["Duration", job.durationSeconds === null ? "endless" : formatSeconds(job.durationSeconds)],
    ...(job.endsAt === null ? [] : ([["Ends", formatInstant(job.endsAt, timeZone)]] as [string, string][])),
    ...optionRows(job),
    ["Warning above", thresholds.warningRttMs === null ? "not set" : formatRtt(thresholds.warningRttMs)],
    ["Critical above", thresholds.criticalRttMs === null ? "not set" : formatRtt(thresholds.criticalRttMs)],
    ["Loss above", thresholds.lossPercent === null ? "not set" : `${thresholds.lossPercent} %`],
    ["Locations", job.locations.join(", ")],
    ["Created", formatInstant(job.createdAt, timeZone)],
    ...(job.requester === null ? [] : ([["By", job.requester.name]] as [string, string][])),
    ...(job.key === null ? [] : ([["Key", job.key]] as [string, string][])),
    ...(job.managedBy === null
      ? []
      : ([["Kept by", `files of the set ${job.managedBy}; the next run puts changes back`]] as [
          string,
          string,
        ][])),
    ["Version", String(job.version)],
  ];
  return (
    <Card
      title="Configuration"
      aside={
        <Button look="quiet" size="sm" icon="pencil" onClick={onEdit} className="-mr-2">
          Edit
        </Button>
      }
    >
      <Facts rows={rows} />
    </Card>
  );
}

function optionRows(job: Job): [string, string][] {
  const defaults: Record<string, unknown> = optionsByType[job.type].parse({});
  return Object.entries(job.options)
    .filter(
      ([name, value]) =>
        (name === "timeoutMs" && job.type !== "heartbeat") ||
        name === "recordType" ||
        !isSame(value, defaults[name]),
    )
    .map(([name, value]) => [fieldLabels[name] ?? name, optionText(name, value)]);
}

function optionText(name: string, value: unknown): string {
  if (name === "timeoutMs" && typeof value === "number") return formatSeconds(value / 1_000);
  // Header values are often secrets: their names are enough to recognise the set.
  if (name === "headers" && typeof value === "object" && value !== null) return Object.keys(value).join(", ");
  if (name === "assertions" && Array.isArray(value)) return `${value.length} checks`;
  if (Array.isArray(value)) return value.join(", ");
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string" || typeof value === "number") return String(value);
  return value === null ? "none" : JSON.stringify(value);
}
