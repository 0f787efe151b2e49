import { useSuspenseQuery } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { useEffect, useEffectEvent, useState, type ReactNode } from "react";
import { Button } from "../../../ui/Button.js";
import { Notice } from "../../../ui/states.js";
import { profileQuery } from "../../accounts/queries.js";
import type { Draft } from "./draft.js";
import { forget, keep, readKept } from "./keptDraft.js";
import { useJobForm, type JobForm } from "./useJobForm.js";

/**
 * A job form that comes back as it was when its session ended in the middle, to the same person in the same tab.
 * `formId` tells forms apart; `version` is the edited job's.
 */
export function useKeptJobForm(
  formId: string,
  initial: Draft,
  version: number | null,
): { form: JobForm; restored: ReactNode } {
  const router = useRouter();
  const { data: profile } = useSuspenseQuery(profileQuery);
  const key = `nightbell.draft.${profile.id}.${formId}`;
  const [kept, setKept] = useState(() => readKept(key));
  const form = useJobForm(initial, kept?.draft);
  const onLeave = useEffectEvent(() => {
    const { pathname, search } = router.state.location;
    const hasSessionEnded = pathname === "/login" && "reason" in search;
    if (form.isDirty && hasSessionEnded) keep(key, { draft: form.draft, version });
  });
  useEffect(() => {
    forget(key);
    return () => onLeave();
  }, [key]);
  const restored = kept !== null && form.isDirty && (
    <div className="mb-5">
      <Notice
        tone="plain"
        title="What you had typed is back"
        action={
          <Button
            size="sm"
            onClick={() => {
              form.settle(initial);
              setKept(null);
            }}
          >
            Start afresh
          </Button>
        }
      >
        Values of request headers and the request body are not kept: type them again.
        {kept.version !== version &&
          " Somebody saved this job meanwhile: look at what differs before you save."}
      </Notice>
    </div>
  );
  return { form, restored };
}
