// Pausing, resuming, cancelling and deleting many jobs at once; what cannot be taken back is asked first.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useCallback, useState, type ReactNode } from "react";
import { sentenceOf } from "../../api/errors.js";
import { countOf, formatCount } from "../../format/measures.js";
import { ConfirmDialog } from "../../ui/Dialog.js";
import { toast } from "../../ui/toasts.js";
import { bulkJobs, type BulkAction } from "./queries.js";
import { actionLabels } from "./transitions.js";

export function useBulk(onDone: () => void): {
  ask: (action: BulkAction, ids: string[]) => void;
  isBusy: boolean;
  dialog: ReactNode;
} {
  const queryClient = useQueryClient();
  const [pending, setPending] = useState<{ action: BulkAction; ids: string[] } | null>(null);
  const bulk = useMutation({
    mutationFn: bulkJobs,
    onSuccess: async ({ succeeded, failed }, { action }) => {
      const { done } = actionLabels[action];
      if (succeeded.length > 0) toast("good", `${countOf(succeeded.length, "job")} ${done}`);
      const [first] = failed;
      if (first !== undefined) toast("missed", `${formatCount(failed.length)} left alone: ${first.message}`);
      setPending(null);
      onDone();
      await queryClient.invalidateQueries({ queryKey: ["jobs"] });
    },
    onError: (error) => {
      setPending(null);
      toast("missed", sentenceOf(error));
    },
  });
  const { mutate } = bulk;
  const ask = useCallback(
    (action: BulkAction, ids: string[]) => {
      if (action === "pause" || action === "resume") mutate({ action, ids });
      else setPending({ action, ids });
    },
    [mutate],
  );
  const dialog = pending !== null && (
    <ConfirmDialog
      title={`${actionLabels[pending.action].verb} ${countOf(pending.ids.length, "job")}?`}
      confirm={`${actionLabels[pending.action].verb} ${countOf(pending.ids.length, "job")}`}
      isBusy={bulk.isPending}
      onConfirm={() => bulk.mutate(pending)}
      onClose={() => setPending(null)}
    >
      {pending.action === "delete"
        ? "Everything measured so far goes with them. This cannot be taken back."
        : "They stop for good and keep what was measured. A cancelled job cannot be resumed."}
    </ConfirmDialog>
  );
  return { ask, isBusy: bulk.isPending, dialog };
}
