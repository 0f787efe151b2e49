import { useMutation, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { sentenceOf } from "../../../api/errors.js";
import { usePageTitle } from "../../../app/title.js";
import { PageHeader } from "../../../ui/PageHeader.js";
import { Notice } from "../../../ui/states.js";
import { createJob, jobQuery, refreshJobLists } from "../queries.js";
import { emptyDraft } from "./draft.js";
import { JobFormView } from "./JobFormView.js";
import { useKeptJobForm } from "./useKeptJobForm.js";
import { useUnsavedGuard } from "./useUnsavedGuard.js";

const route = getRouteApi("/app/jobs/new");

export function NewJobPage() {
  usePageTitle("New job");
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const { type } = route.useSearch();
  const [initial] = useState(() => emptyDraft(type));
  const { form, restored } = useKeptJobForm("new", initial, null);
  const create = useMutation({
    mutationFn: createJob,
    onSuccess: async (job) => {
      queryClient.setQueryData(jobQuery(job.id).queryKey, job);
      void refreshJobLists(queryClient);
      await navigate({ to: "/jobs/$jobId", params: { jobId: job.id }, ignoreBlocker: true });
    },
    onError: form.refuse,
  });
  const guard = useUnsavedGuard(() => form.isDirty && !create.isSuccess);
  return (
    <div className="mx-auto max-w-6xl px-4 sm:px-8">
      <PageHeader title="New job" />
      {restored}
      <JobFormView
        form={form}
        mode="new"
        notice={
          create.error !== null && <Notice title="The job was not created">{sentenceOf(create.error)}</Notice>
        }
        isSaving={create.isPending}
        onSubmit={() => {
          const body = form.submit();
          if (body !== null) create.mutate(body);
        }}
        onCancel={() => void navigate({ to: "/jobs" })}
      />
      {guard}
    </div>
  );
}
