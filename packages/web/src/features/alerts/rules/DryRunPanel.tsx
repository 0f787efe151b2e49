// What the rule of the form would have done to recorded history, drawn job by job.
import type { AlertDryRun, AlertFiring, AlertRuleCreate } from "@nightbell/contract";
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { sentenceOf } from "../../../api/errors.js";
import { serverNow } from "../../../api/serverClock.js";
import { formatSeconds } from "../../../format/durations.js";
import { countOf } from "../../../format/measures.js";
import { formatDay, formatInstant, formatMinute } from "../../../format/times.js";
import { Button } from "../../../ui/Button.js";
import { Card } from "../../../ui/Card.js";
import { Segmented } from "../../../ui/Segmented.js";
import { Notice } from "../../../ui/states.js";
import { useTimeZone } from "../../accounts/queries.js";
import { dryRunRule } from "../queries.js";

const HOUR_MS = 3_600_000;
const spans = [
  { value: "1", label: "1 h" },
  { value: "24", label: "24 h" },
  { value: "168", label: "7 d" },
] as const;
type Span = (typeof spans)[number]["value"];

/** `read`: the rule as the form has it, null when it is not valid; shows what is wrong. */
export function DryRunPanel({ read }: { read: () => AlertRuleCreate | null }) {
  const [span, setSpan] = useState<Span>("24");
  const run = useMutation({
    mutationFn: (rule: AlertRuleCreate) =>
      dryRunRule({ rule, from: new Date(serverNow() - Number(span) * HOUR_MS).toISOString() }),
  });
  return (
    <Card title="Dry run" className="lg:sticky lg:top-5">
      <div className="grid grid-cols-[minmax(0,1fr)] gap-4 p-4 sm:p-5">
        <p className="text-sm text-soft">
          What this rule would have done to what is recorded. Nothing is saved and nobody is told.
        </p>
        <div className="flex flex-wrap items-center justify-between gap-3">
          <Segmented label="Of the last" options={spans} value={span} onChange={setSpan} />
          <Button
            icon="play"
            isBusy={run.isPending}
            onClick={() => {
              const rule = read();
              if (rule !== null) run.mutate(rule);
            }}
          >
            Try it
          </Button>
        </div>
        {run.error !== null && <Notice title="The dry run failed">{sentenceOf(run.error)}</Notice>}
        {run.data !== undefined && <Outcome result={run.data} />}
      </div>
    </Card>
  );
}

function Outcome({ result }: { result: AlertDryRun }) {
  const timeZone = useTimeZone();
  const { jobs, jobCount, alertCount } = result;
  if (jobs.length === 0) return <p className="text-sm text-soft">The rule selects no job.</p>;
  // What fired comes first; what has no samples is only counted.
  const measured = jobs
    .filter(({ sampleCount }) => sampleCount > 0)
    .sort((a, b) => b.firings.length - a.firings.length);
  const label = (instant: string) => `${formatDay(instant, timeZone)}, ${formatMinute(instant, timeZone)}`;
  return (
    <div role="status" className="grid grid-cols-[minmax(0,1fr)] gap-3">
      <p className="font-medium">
        {alertCount === 0 ? "No alert" : countOf(alertCount, "alert")}
        <span className="font-normal text-soft">
          {" "}
          of {jobs.length === jobCount ? "" : `${jobs.length} of `}
          {countOf(jobCount, "job")}
        </span>
      </p>
      <ul className="grid grid-cols-[minmax(0,1fr)] gap-3">
        {measured.map(({ job, from, firings }) => (
          <li key={job.id}>
            <div className="mb-1 flex justify-between gap-3 text-sm">
              <Link to="/jobs/$jobId" params={{ jobId: job.id }} className="min-w-0 truncate hover:underline">
                {job.title}
              </Link>
              <span className="num shrink-0 text-faint">{describe(firings, result.to)}</span>
            </div>
            <Strip from={result.from} to={result.to} readFrom={from} firings={firings} timeZone={timeZone} />
          </li>
        ))}
      </ul>
      <div className="num flex justify-between text-xs text-faint">
        <span>{label(result.from)}</span>
        <span>{label(result.to)}</span>
      </div>
      {measured.length < jobs.length && (
        <p className="text-xs text-faint">
          {countOf(jobs.length - measured.length, "job")} without samples then
        </p>
      )}
    </div>
  );
}

/** Time from left to right; red where the alert would have been open, hatched where it would have been held back. */
function Strip({
  from,
  to,
  readFrom,
  firings,
  timeZone,
}: {
  from: string;
  to: string;
  readFrom: string;
  firings: readonly AlertFiring[];
  timeZone: string;
}) {
  const start = Date.parse(from);
  const share = (instant: string) => ((Date.parse(instant) - start) / (Date.parse(to) - start)) * 100;
  return (
    <div aria-hidden="true" className="relative h-5 overflow-hidden rounded-sm bg-sunken">
      <span
        title="More samples than one dry run reads"
        className="absolute inset-y-0 left-0 bg-line"
        style={{ width: `${share(readFrom)}%` }}
      />
      {firings.map((firing) => (
        <span
          key={firing.from}
          title={`${formatInstant(firing.from, timeZone)} to ${firing.to === null ? "now" : formatInstant(firing.to, timeZone)}${firing.isSuppressed ? ", suppressed" : ""}`}
          className={`absolute inset-y-0 min-w-0.5 ${firing.isSuppressed ? "hatch" : "bg-missed"}`}
          style={{
            left: `min(${share(firing.from)}%, 100% - 2px)`,
            width: `${share(firing.to ?? to) - share(firing.from)}%`,
          }}
        />
      ))}
    </div>
  );
}

function describe(firings: readonly AlertFiring[], to: string): string {
  if (firings.length === 0) return "quiet";
  const ms = firings.reduce((sum, firing) => sum + Date.parse(firing.to ?? to) - Date.parse(firing.from), 0);
  return `${firings.length} ×, ${formatSeconds(Math.round(ms / 1_000))} in all`;
}
