import type { Job } from "@nightbell/contract";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { sentenceOf } from "../../../api/errors.js";
import { ConfirmDialog } from "../../../ui/Dialog.js";
import { toast } from "../../../ui/toasts.js";
import { deleteJob, jobQuery, refreshJobLists, transitionJob, type BulkAction } from "../queries.js";
import { actionLabels } from "../transitions.js";

export interface JobActions {
  /** Does it, or asks first when it cannot be taken back. */
  ask: (action: BulkAction) => void;
  isBusy: boolean;
  dialog: ReactNode;
}

export function useJobActions(job: Job): JobActions {
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const [asking, setAsking] = useState<"cancel" | "delete" | null>(null);
  const close = () => setAsking(null);
  const onError = (error: unknown) => {
    close();
    toast("missed", sentenceOf(error));
  };
  const transition = useMutation({
    mutationFn: transitionJob,
    onSuccess: (changed, { action }) => {
      close();
      queryClient.setQueryData(jobQuery(job.id).queryKey, changed);
      void refreshJobLists(queryClient);
      toast("good", `Job ${actionLabels[action].done}`);
    },
    onError,
  });
  const remove = useMutation({
    mutationFn: () => deleteJob(job.id),
    onSuccess: async () => {
      close();
      await navigate({ to: "/jobs" });
      queryClient.removeQueries({ queryKey: jobQuery(job.id).queryKey });
      void refreshJobLists(queryClient);
      toast("good", "Job deleted");
    },
    onError,
  });
  return {
    ask: (action) => {
      if (action === "cancel" || action === "delete") setAsking(action);
      else transition.mutate({ id: job.id, action });
    },
    isBusy: transition.isPending || remove.isPending,
    dialog: asking !== null && (
      <ConfirmDialog
        title={asking === "delete" ? "Delete this job?" : "Cancel this job?"}
        confirm={asking === "delete" ? "Delete job and samples" : "Cancel job"}
        isBusy={transition.isPending || remove.isPending}
        onConfirm={() =>
          asking === "delete" ? remove.mutate() : transition.mutate({ id: job.id, action: asking })
        }
        onClose={close}
      >
        {asking === "delete" ? (
          <>
            <strong className="font-semibold text-ink">{job.title}</strong> and everything it measured go.
            This cannot be taken back.
          </>
        ) : (
          <>
            <strong className="font-semibold text-ink">{job.title}</strong> stops for good and keeps what it
            measured. To stop for a while, pause it instead.
          </>
        )}
      </ConfirmDialog>
    ),
  };
}
