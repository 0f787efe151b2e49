// Chooses the job that another one is reached through, by a part of its title or target.
import type { Job, JobFamily } from "@nightbell/contract";
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { ApiError, sentenceOf } from "../../api/errors.js";
import { Button } from "../../ui/Button.js";
import { Dialog } from "../../ui/Dialog.js";
import { Field, TextInput } from "../../ui/Field.js";
import { Icon } from "../../ui/Icon.js";
import { Notice } from "../../ui/states.js";
import { toast } from "../../ui/toasts.js";
import { jobPageQuery } from "../jobs/queries.js";
import { familyQueryKey, setJobParent } from "./queries.js";

const MAX_FOUND = 8;

export function ParentDialog({
  job,
  parent,
  onClose,
}: {
  job: Job;
  parent: JobFamily["parent"];
  onClose: () => void;
}) {
  const queryClient = useQueryClient();
  const [text, setText] = useState("");
  const search = useDeferredValue(text.trim());
  const found = useQuery({
    ...jobPageQuery({ limit: MAX_FOUND + 2, ...(search !== "" && { search }) }),
    placeholderData: keepPreviousData,
  });
  const choose = useMutation({
    mutationFn: (chosen: Job) => setJobParent(job.id, chosen.id),
    onSuccess: (_, chosen) => {
      void queryClient.invalidateQueries({ queryKey: familyQueryKey });
      toast("good", `Reached through ${chosen.title}`);
      onClose();
    },
  });
  const offered = (found.data?.data ?? [])
    .filter(({ id }) => id !== job.id && id !== parent?.id)
    .slice(0, MAX_FOUND);
  return (
    <Dialog
      title={parent === null ? "Choose a parent" : "Choose another parent"}
      width="max-w-lg"
      onClose={onClose}
      actions={<Button onClick={onClose}>Keep it as it is</Button>}
    >
      <div className="grid gap-4">
        <p>
          While the parent, or whatever that is reached through, has an alert of misses or loss, alerts of{" "}
          <strong className="font-semibold text-ink">{job.title}</strong> are suppressed.
        </p>
        {choose.error !== null && (
          <Notice title={`${choose.variables.title} cannot be the parent`}>{refusalOf(choose.error)}</Notice>
        )}
        <Field label="Find a job" hint="Type a part of its title or target">
          {(control) => (
            <TextInput
              {...control}
              type="search"
              autoComplete="off"
              data-autofocus
              value={text}
              onChange={(event) => setText(event.target.value)}
            />
          )}
        </Field>
        {/* As high as a full list, so that nothing jumps while one types. */}
        <ul aria-label="Jobs to choose from" className="grid min-h-68 content-start gap-0.5">
          {offered.map((other) => (
            <li key={other.id}>
              <button
                type="button"
                disabled={choose.isPending}
                onClick={() => choose.mutate(other)}
                className="flex w-full items-center gap-2 rounded-md px-2 py-1.5 text-left text-sm hover:bg-hover"
              >
                <Icon name="chevronRight" size={14} className="text-brass" />
                <span className="min-w-0 truncate font-medium text-ink">{other.title}</span>
                {other.title !== other.target && (
                  <span className="code min-w-0 truncate text-faint">{other.target}</span>
                )}
              </button>
            </li>
          ))}
          {offered.length === 0 && found.data !== undefined && (
            <li className="px-2 py-1.5 text-sm text-faint">No other job matches.</li>
          )}
        </ul>
      </div>
    </Dialog>
  );
}

/** `It is the job itself, or reached through it.` */
function refusalOf(error: unknown): string {
  const refused = error instanceof ApiError ? error.fieldErrors[0] : undefined;
  return refused === undefined ? sentenceOf(error) : `It ${refused.message}.`;
}
