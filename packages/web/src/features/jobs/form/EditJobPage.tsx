import type { Job, JobCreate } from "@nightbell/contract";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { hasCode, sentenceOf } from "../../../api/errors.js";
import { usePageTitle } from "../../../app/title.js";
import { PageHeader } from "../../../ui/PageHeader.js";
import { ErrorState, Loading, Notice } from "../../../ui/states.js";
import { toast } from "../../../ui/toasts.js";
import { NotFound } from "../../../app/NotFoundPage.js";
import { jobQuery, refreshJobLists, updateJob } from "../queries.js";
import { ConflictDialog } from "./ConflictDialog.js";
import { draftOf } from "./draft.js";
import { JobFormView } from "./JobFormView.js";
import { useKeptJobForm } from "./useKeptJobForm.js";
import { useUnsavedGuard } from "./useUnsavedGuard.js";
import { changesBetween, validate } from "./validate.js";

const route = getRouteApi("/app/jobs/$jobId/edit");

export function EditJobPage() {
  const { jobId } = route.useParams();
  // The version that is edited is the one first read; news of others come with saving.
  const job = useQuery({ ...jobQuery(jobId), staleTime: Number.POSITIVE_INFINITY, refetchOnMount: "always" });
  if (hasCode(job.error, "not_found")) return <NotFound />;
  if (job.error !== null) return <ErrorState error={job.error} onRetry={() => void job.refetch()} />;
  if (job.data === undefined || !job.isFetchedAfterMount) return <Loading label="Loading the job" />;
  return <EditForm key={jobId} job={job.data} />;
}

function EditForm({ job }: { job: Job }) {
  usePageTitle(`Edit ${job.title}`);
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const [base, setBase] = useState(job);
  const [theirs, setTheirs] = useState<Job | null>(null);
  const { form, restored } = useKeptJobForm(job.id, draftOf(job), base.version);

  const leave = () => navigate({ to: "/jobs/$jobId", params: { jobId: job.id }, ignoreBlocker: true });
  const save = useMutation({
    mutationFn: ({ onto, body }: { onto: Job; body: JobCreate }) =>
      updateJob({ id: job.id, version: onto.version, patch: changesBetween(bodyOf(onto), body) }),
    onSuccess: async (saved) => {
      queryClient.setQueryData(jobQuery(job.id).queryKey, saved);
      void refreshJobLists(queryClient);
      toast("good", "Job saved");
      await leave();
    },
    onError: async (error) => {
      form.refuse(error);
      if (!hasCode(error, "version_conflict")) return;
      setTheirs(await queryClient.fetchQuery({ ...jobQuery(job.id), staleTime: 0 }));
    },
  });
  const guard = useUnsavedGuard(() => form.isDirty && !save.isSuccess);
  const submit = (onto: Job) => {
    const body = form.submit();
    if (body !== null) save.mutate({ onto, body });
  };
  const refusal = save.error !== null && !hasCode(save.error, "version_conflict");

  return (
    <div className="mx-auto max-w-6xl px-4 sm:px-8">
      <PageHeader
        title={
          <>
            Edit <span className="text-soft [overflow-wrap:anywhere]">{job.title}</span>
          </>
        }
      />
      {restored}
      <JobFormView
        form={form}
        mode="edit"
        notice={refusal && <Notice title="The job was not saved">{sentenceOf(save.error)}</Notice>}
        isSaving={save.isPending}
        onSubmit={() => submit(base)}
        onCancel={() => void navigate({ to: "/jobs/$jobId", params: { jobId: job.id } })}
      />
      {theirs !== null && (
        <ConflictDialog
          base={base}
          mine={form.body}
          theirs={theirs}
          onTakeTheirs={() => {
            form.settle(draftOf(theirs));
            setBase(theirs);
            setTheirs(null);
          }}
          onKeepMine={() => {
            setBase(theirs);
            setTheirs(null);
            submit(theirs);
          }}
          onClose={() => setTheirs(null)}
        />
      )}
      {guard}
    </div>
  );
}

/** What the form would send for a job as it stands. */
function bodyOf(job: Job): JobCreate {
  const { body } = validate(draftOf(job));
  return body ?? { title: job.title, type: job.type, target: job.target, cadenceSeconds: job.cadenceSeconds };
}
