// A new maintenance window, and one that is edited.
import { type MaintenanceWindow, MaintenanceWindowCreate } from "@nightbell/contract";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { hasCode, sentenceOf } from "../../../api/errors.js";
import { serverNow } from "../../../api/serverClock.js";
import { NotFound } from "../../../app/NotFoundPage.js";
import { usePageTitle } from "../../../app/title.js";
import { Button } from "../../../ui/Button.js";
import { Card } from "../../../ui/Card.js";
import { ConfirmDialog } from "../../../ui/Dialog.js";
import { Checkbox, Field, TextInput, UnitInput } from "../../../ui/Field.js";
import { PageHeader } from "../../../ui/PageHeader.js";
import { Segmented } from "../../../ui/Segmented.js";
import { ErrorState, Loading, Notice } from "../../../ui/states.js";
import { toast } from "../../../ui/toasts.js";
import { useTimeZone } from "../../accounts/queries.js";
import { useFormErrors } from "../../accounts/useFormErrors.js";
import { useUnsavedGuard } from "../../jobs/form/useUnsavedGuard.js";
import { createWindow, deleteWindow, updateWindow, windowQuery } from "../queries.js";
import { SelectorFields } from "../SelectorFields.js";
import { draftOf, emptyDraft, toBody, type WindowDraft } from "./draft.js";

const route = getRouteApi("/app/maintenance/$windowId");

export function NewWindowPage() {
  usePageTitle("New maintenance window");
  return (
    <div className="mx-auto max-w-3xl px-4 sm:px-8">
      <PageHeader title="New maintenance window" />
      <WindowForm window={null} />
    </div>
  );
}

export function EditWindowPage() {
  const { windowId } = route.useParams();
  // The version that is edited is the one first read.
  const window = useQuery({
    ...windowQuery(windowId),
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnMount: "always",
  });
  if (hasCode(window.error, "not_found")) return <NotFound />;
  if (window.error !== null) return <ErrorState error={window.error} onRetry={() => void window.refetch()} />;
  if (window.data === undefined || !window.isFetchedAfterMount)
    return <Loading label="Loading the maintenance window" />;
  return <EditWindow key={`${windowId} ${window.data.version}`} window={window.data} />;
}

function EditWindow({ window }: { window: MaintenanceWindow }) {
  usePageTitle(window.name);
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const [isAsking, setIsAsking] = useState(false);
  const remove = useMutation({
    mutationFn: () => deleteWindow(window.id),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: ["maintenance", "list"] });
      toast("good", "Maintenance window deleted");
      await navigate({ to: "/maintenance", ignoreBlocker: true });
    },
    onError: (error) => toast("missed", sentenceOf(error)),
  });
  return (
    <div className="mx-auto max-w-3xl px-4 sm:px-8">
      <PageHeader title={<span className="[overflow-wrap:anywhere]">{window.name}</span>}>
        <Button icon="trash" onClick={() => setIsAsking(true)}>
          Delete
        </Button>
      </PageHeader>
      <WindowForm window={window} />
      {isAsking && (
        <ConfirmDialog
          title="Delete this maintenance window?"
          confirm="Delete window"
          isBusy={remove.isPending}
          onConfirm={() => remove.mutate()}
          onClose={() => setIsAsking(false)}
        >
          Alerts that it holds back become open.
        </ConfirmDialog>
      )}
    </div>
  );
}

const kinds: { value: WindowDraft["kind"]; label: string }[] = [
  { value: "recurring", label: "Repeatedly" },
  { value: "once", label: "Once" },
];

function WindowForm({ window }: { window: MaintenanceWindow | null }) {
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const timeZone = useTimeZone();
  const [initial] = useState(() =>
    window === null ? emptyDraft(timeZone, serverNow()) : draftOf(window, timeZone, serverNow()),
  );
  const [draft, setDraft] = useState(initial);
  const { errors, check, take } = useFormErrors(MaintenanceWindowCreate);
  const save = useMutation({
    mutationFn: (body: MaintenanceWindowCreate) =>
      window === null
        ? createWindow(body)
        : updateWindow({
            id: window.id,
            version: window.version,
            patch: MaintenanceWindowCreate.parse(body),
          }),
    onSuccess: async () => {
      queryClient.removeQueries({ queryKey: ["maintenance", "one"] });
      void queryClient.invalidateQueries({ queryKey: ["maintenance", "list"] });
      toast("good", "Maintenance window saved");
      await navigate({ to: "/maintenance", ignoreBlocker: true });
    },
    onError: take,
  });
  const guard = useUnsavedGuard(() => draft !== initial && !save.isSuccess);
  const set = (change: Partial<WindowDraft>) => setDraft({ ...draft, ...change });
  const text = (field: "name" | "from" | "to" | "cron" | "timeZone" | "durationMinutes") => ({
    value: draft[field],
    autoComplete: "off",
    onChange: (event: { target: { value: string } }) => set({ [field]: event.target.value }),
  });
  return (
    <form
      noValidate
      className="grid gap-5 pb-16"
      onSubmit={(event) => {
        event.preventDefault();
        const body = toBody(draft, timeZone);
        if (check(body)) save.mutate(MaintenanceWindowCreate.parse(body));
      }}
    >
      {save.error !== null && (
        <Notice title="The maintenance window was not saved">{sentenceOf(save.error)}</Notice>
      )}
      <Card title="What it covers">
        <div className="grid gap-5 p-4 sm:p-5">
          <Field label="Name" error={errors["name"]}>
            {(control) => <TextInput {...control} {...text("name")} />}
          </Field>
          <SelectorFields
            value={draft.selector}
            error={Object.entries(errors).find(([path]) => path.startsWith("selector"))?.[1]}
            onChange={(selector) => set({ selector })}
          />
        </div>
      </Card>
      <Card title="Schedule">
        <div className="grid gap-5 p-4 sm:p-5">
          <Segmented
            label="How often"
            options={kinds}
            value={draft.kind}
            onChange={(kind) => set({ kind })}
            className="justify-self-start"
          />
          {draft.kind === "once" ? (
            <div className="grid items-start gap-4 sm:grid-cols-2">
              <Field label="From" hint={`In ${timeZone}`} error={errors["schedule.from"]}>
                {(control) => <TextInput {...control} type="datetime-local" {...text("from")} />}
              </Field>
              <Field label="To" error={errors["schedule.to"]}>
                {(control) => <TextInput {...control} type="datetime-local" {...text("to")} />}
              </Field>
            </div>
          ) : (
            <div className="grid items-start gap-4 sm:grid-cols-2">
              <Field
                label="Begins"
                hint="Cron: minute, hour, day, month, weekday"
                error={errors["schedule.cron"]}
              >
                {(control) => <TextInput {...control} {...text("cron")} className="code" />}
              </Field>
              <Field label="Lasts" error={errors["schedule.durationMinutes"]}>
                {(control) => <UnitInput {...control} unit="min" {...text("durationMinutes")} />}
              </Field>
              <Field label="Time zone" error={errors["schedule.timeZone"]}>
                {(control) => <TextInput {...control} {...text("timeZone")} />}
              </Field>
            </div>
          )}
          <Checkbox
            label="Switched on"
            checked={draft.isEnabled}
            onChange={(event) => set({ isEnabled: event.target.checked })}
          />
        </div>
      </Card>
      <div className="flex justify-end gap-2">
        <Button onClick={() => void navigate({ to: "/maintenance" })}>Cancel</Button>
        <Button type="submit" look="primary" isBusy={save.isPending}>
          {window === null ? "Create window" : "Save changes"}
        </Button>
      </div>
      {guard}
    </form>
  );
}
