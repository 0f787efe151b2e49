// What a job is reached through, and what is reached through it: while the parent is down, alerts of its children are
// suppressed.
import type { Job, JobFamily } from "@nightbell/contract";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { sentenceOf } from "../../api/errors.js";
import { countOf } from "../../format/measures.js";
import { Button, IconButton } from "../../ui/Button.js";
import { Card } from "../../ui/Card.js";
import { toast } from "../../ui/toasts.js";
import { ParentDialog } from "./ParentDialog.js";
import { familyQuery, familyQueryKey, setJobParent } from "./queries.js";

export function JobParentCard({ job }: { job: Job }) {
  const queryClient = useQueryClient();
  const family = useQuery(familyQuery(job.id));
  const [isChoosing, setIsChoosing] = useState(false);
  const remove = useMutation({
    mutationFn: () => setJobParent(job.id, null),
    onSuccess: () => {
      void queryClient.invalidateQueries({ queryKey: familyQueryKey });
      toast("good", "Parent removed");
    },
    onError: (error) => toast("missed", sentenceOf(error)),
  });
  const { data, error } = family;
  const parent = data?.parent ?? null;
  return (
    <Card
      title="Reached through"
      aside={
        data !== undefined && (
          <Button
            look="quiet"
            size="sm"
            icon={parent === null ? "plus" : "pencil"}
            onClick={() => setIsChoosing(true)}
            className="-mr-2"
          >
            {parent === null ? "Choose a parent" : "Change"}
          </Button>
        )
      }
    >
      <div className="grid gap-3 px-4 py-3 text-sm sm:px-5">
        {data === undefined ? (
          <p className="text-faint">{error === null ? "Loading" : sentenceOf(error)}</p>
        ) : (
          <>
            {parent === null ? (
              <p className="text-faint">
                Nothing else. If this target stands behind another one, such as a router, choose that as its
                parent: while it is down, this job raises no alert of its own.
              </p>
            ) : (
              <div className="-my-1 flex items-center justify-between gap-2">
                <RelativeLink relative={parent} />
                <IconButton
                  icon="cross"
                  label={`Remove the parent ${parent.title}`}
                  className="-mr-2"
                  disabled={remove.isPending}
                  onClick={() => remove.mutate()}
                />
              </div>
            )}
            {data.childCount > 0 && <Children family={data} />}
          </>
        )}
      </div>
      {isChoosing && <ParentDialog job={job} parent={parent} onClose={() => setIsChoosing(false)} />}
    </Card>
  );
}

function Children({ family: { children, childCount } }: { family: JobFamily }) {
  return (
    <div className="border-t border-line/60 pt-3">
      <h3 className="eyebrow">{countOf(childCount, "job")} reached through this one</h3>
      <ul aria-label="Children" className="mt-1 max-h-60 overflow-y-auto">
        {children.map((child) => (
          <li key={child.id} className="py-1">
            <RelativeLink relative={child} />
          </li>
        ))}
      </ul>
      {childCount > children.length && <p className="text-faint">and {childCount - children.length} more</p>}
    </div>
  );
}

function RelativeLink({ relative: { id, title, target } }: { relative: JobFamily["children"][number] }) {
  return (
    <Link
      to="/jobs/$jobId"
      params={{ jobId: id }}
      className="flex min-w-0 items-baseline gap-2 hover:underline"
    >
      <span className="min-w-0 truncate font-medium">{title}</span>
      {title !== target && <span className="code min-w-0 truncate text-xs text-faint">{target}</span>}
    </Link>
  );
}
