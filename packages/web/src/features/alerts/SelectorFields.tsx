// Which jobs a rule or a maintenance window is about.
import { JobType, type JobSelector } from "@nightbell/contract";
import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { IconButton } from "../../ui/Button.js";
import { Field, FieldError, Select, TextInput } from "../../ui/Field.js";
import { Icon } from "../../ui/Icon.js";
import { Segmented } from "../../ui/Segmented.js";
import { jobPageQuery, jobQuery } from "../jobs/queries.js";
import { typeLabels } from "../jobs/words.js";

export interface SelectorDraft {
  kind: JobSelector["kind"];
  type: JobType;
  jobIds: readonly string[];
}

const kinds: { value: JobSelector["kind"]; label: string }[] = [
  { value: "all", label: "All jobs" },
  { value: "type", label: "Jobs of a type" },
  { value: "jobs", label: "Chosen jobs" },
];

/** Titles that are read for chosen jobs; the rest is counted. */
const MAX_NAMED = 20;
const MAX_FOUND = 8;

export function SelectorFields({
  value,
  error,
  onChange,
}: {
  value: SelectorDraft;
  error: string | undefined;
  onChange: (value: SelectorDraft) => void;
}) {
  return (
    <div className="grid gap-4">
      <Segmented
        label="Which jobs"
        options={kinds}
        value={value.kind}
        onChange={(kind) => onChange({ ...value, kind })}
        className="justify-self-start"
      />
      {value.kind === "type" && (
        <Field label="Type">
          {(control) => (
            <Select
              {...control}
              value={value.type}
              onChange={(event) => onChange({ ...value, type: JobType.parse(event.target.value) })}
            >
              {JobType.options.map((type) => (
                <option key={type} value={type}>
                  {typeLabels[type].label}
                </option>
              ))}
            </Select>
          )}
        </Field>
      )}
      {value.kind === "jobs" && (
        <JobPicker jobIds={value.jobIds} onChange={(jobIds) => onChange({ ...value, jobIds })} />
      )}
      {error !== undefined && <FieldError message={error} />}
    </div>
  );
}

function JobPicker({
  jobIds,
  onChange,
}: {
  jobIds: readonly string[];
  onChange: (jobIds: readonly string[]) => void;
}) {
  const [text, setText] = useState("");
  const search = useDeferredValue(text.trim());
  const found = useQuery({
    ...jobPageQuery({ limit: MAX_FOUND, ...(search !== "" && { search }) }),
    placeholderData: keepPreviousData,
  });
  const chosen = useQueries({ queries: jobIds.slice(0, MAX_NAMED).map((id) => jobQuery(id)) });
  const offered = found.data?.data.filter(({ id }) => !jobIds.includes(id)) ?? [];
  return (
    <div className="grid grid-cols-1 gap-3">
      {jobIds.length > 0 && (
        <ul aria-label="Chosen jobs" className="flex flex-wrap gap-1.5">
          {jobIds.slice(0, MAX_NAMED).map((id, index) => {
            const title =
              chosen[index]?.data?.title ?? (chosen[index]?.isError === true ? "Deleted job" : "…");
            return (
              <li
                key={id}
                className="inline-flex max-w-full items-center rounded-md border border-line bg-sunken pl-2.5 text-sm"
              >
                <span className="min-w-0 truncate">{title}</span>
                <IconButton
                  icon="cross"
                  label={`Leave out ${title}`}
                  className="size-8!"
                  onClick={() => onChange(jobIds.filter((other) => other !== id))}
                />
              </li>
            );
          })}
          {jobIds.length > MAX_NAMED && (
            <li className="self-center text-sm text-faint">and {jobIds.length - MAX_NAMED} more</li>
          )}
        </ul>
      )}
      <Field label="Add a job" hint="Type a part of its title or target">
        {(control) => (
          <TextInput
            {...control}
            type="search"
            autoComplete="off"
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        )}
      </Field>
      <ul aria-label="Jobs to add" className="grid grid-cols-1 gap-0.5">
        {offered.map((job) => (
          <li key={job.id}>
            <button
              type="button"
              onClick={() => onChange([...jobIds, job.id])}
              className="flex w-full items-center gap-2 rounded-md px-2 py-1.5 text-left text-sm hover:bg-hover"
            >
              <Icon name="plus" size={14} className="text-brass" />
              <span className="min-w-0 truncate font-medium">{job.title}</span>
              <span className="code min-w-0 truncate text-faint">{job.target}</span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
