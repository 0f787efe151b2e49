// API keys: with what programs of a person call the API.
import { type ApiKey, ApiKeyCreate, type NewApiKey, type Role } from "@nightbell/contract";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useId, useState } from "react";
import { sentenceOf } from "../../api/errors.js";
import { formatAgo, formatInstant } from "../../format/times.js";
import { Button } from "../../ui/Button.js";
import { Card } from "../../ui/Card.js";
import { Command } from "../../ui/Command.js";
import { ConfirmDialog, Dialog } from "../../ui/Dialog.js";
import { Field, Select, TextInput } from "../../ui/Field.js";
import { PagedList } from "../../ui/PagedList.js";
import { Notice } from "../../ui/states.js";
import { toast } from "../../ui/toasts.js";
import { useNow } from "../../ui/useNow.js";
import { createKey, keysQuery, revokeKey } from "./queries.js";
import { roleLabels, rolesUpTo } from "./roles.js";
import { useFormErrors } from "./useFormErrors.js";

const DAY_MS = 86_400_000;

export function KeysCard({ role, timeZone }: { role: Role; timeZone: string }) {
  const keys = useInfiniteQuery(keysQuery);
  const [isMaking, setMaking] = useState(false);
  const [revoked, setRevoked] = useState<ApiKey | null>(null);
  return (
    <Card
      title="API keys"
      className="overflow-hidden"
      aside={
        <Button size="sm" icon="plus" onClick={() => setMaking(true)}>
          New key
        </Button>
      }
    >
      <PagedList
        query={keys}
        label="Your API keys"
        more="Show more keys"
        empty="A program that calls the API sends a key and acts for you: a script that makes jobs, a Prometheus that reads their metrics."
      >
        {(key) => <KeyRow key={key.id} apiKey={key} timeZone={timeZone} onRevoke={() => setRevoked(key)} />}
      </PagedList>
      {isMaking && <NewKeyDialog role={role} onClose={() => setMaking(false)} />}
      {revoked !== null && <RevokeDialog apiKey={revoked} onClose={() => setRevoked(null)} />}
    </Card>
  );
}

function KeyRow({
  apiKey: { name, role, createdAt, expiresAt, lastUsedAt },
  timeZone,
  onRevoke,
}: {
  apiKey: ApiKey;
  timeZone: string;
  onRevoke: () => void;
}) {
  const now = useNow(10_000);
  const leftMs = expiresAt === null ? Number.POSITIVE_INFINITY : Date.parse(expiresAt) - now;
  return (
    <li className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-4 px-4 py-3 text-sm sm:px-5">
      <div className="min-w-0">
        <p className="truncate font-medium" title={name}>
          {name}
        </p>
        <p className="num text-xs text-pretty text-faint">
          {roleLabels[role]} ·{" "}
          <span title={formatInstant(createdAt, timeZone)}>made {formatAgo(createdAt, now)}</span> ·{" "}
          {lastUsedAt === null ? "never used" : `last used ${formatAgo(lastUsedAt, now)}`} ·{" "}
          {expiresAt === null ? (
            "never expires"
          ) : (
            <span className={leftMs > 0 ? "" : "text-missed"} title={formatInstant(expiresAt, timeZone)}>
              {leftMs > 0
                ? `expires in ${Math.ceil(leftMs / DAY_MS)} d`
                : `expired ${formatAgo(expiresAt, now)}`}
            </span>
          )}
        </p>
      </div>
      <Button size="sm" look="quiet" aria-label={`Revoke ${name}`} onClick={onRevoke}>
        Revoke
      </Button>
    </li>
  );
}

function NewKeyDialog({ role, onClose }: { role: Role; onClose: () => void }) {
  const [made, setMade] = useState<NewApiKey | null>(null);
  return made === null ? (
    <KeyForm role={role} onMade={setMade} onClose={onClose} />
  ) : (
    <Dialog
      title={`The key of ${made.name}`}
      width="max-w-xl"
      onClose={onClose}
      actions={
        <Button look="primary" data-autofocus onClick={onClose}>
          Done
        </Button>
      }
    >
      <div className="grid gap-4 pt-2">
        <Notice tone="warn" title="Copy it now: it is not shown again">
          Whoever has it can do what it may. If it is lost, revoke it and make a new one.
        </Notice>
        <Command label="Key" text={made.token} />
        <Command
          label="Try it"
          text={`curl -H "authorization: Bearer ${made.token}" ${window.location.origin}/api/profile`}
        />
      </div>
    </Dialog>
  );
}

const LIFETIMES = [
  { days: 30, label: "30 days" },
  { days: 90, label: "90 days" },
  { days: 365, label: "A year" },
  { days: null, label: "Until it is revoked" },
];

function KeyForm({
  role,
  onMade,
  onClose,
}: {
  role: Role;
  onMade: (key: NewApiKey) => void;
  onClose: () => void;
}) {
  const queryClient = useQueryClient();
  const formId = useId();
  const [body, setBody] = useState<ApiKeyCreate>({ name: "", role: "viewer", expiresInDays: 365 });
  const form = useFormErrors(ApiKeyCreate);
  const make = useMutation({
    mutationFn: createKey,
    onSuccess: (key) => {
      void queryClient.invalidateQueries(keysQuery);
      onMade(key);
    },
    onError: form.take,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (form.check(body)) make.mutate(body);
  };
  return (
    <Dialog
      title="New API key"
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" form={formId} look="primary" isBusy={make.isPending}>
            Make it
          </Button>
        </>
      }
    >
      <form id={formId} noValidate className="grid gap-5 pt-2" onSubmit={submit}>
        {make.error !== null && Object.keys(form.errors).length === 0 && (
          <Notice title="It could not be made">{sentenceOf(make.error)}</Notice>
        )}
        <Field label="Name" hint="Such as the program that uses it" error={form.errors["name"]}>
          {(control) => (
            <TextInput
              {...control}
              data-autofocus
              autoComplete="off"
              value={body.name}
              onChange={(event) => {
                setBody({ ...body, name: event.target.value });
                form.clear("name");
              }}
            />
          )}
        </Field>
        <Field
          label="Role"
          hint="A viewer reads, a responder changes jobs and alert rules. It never may more than you."
          error={form.errors["role"]}
        >
          {(control) => (
            <Select
              {...control}
              value={body.role}
              onChange={(event) => setBody({ ...body, role: event.target.value as Role })}
            >
              {rolesUpTo(role).map((each) => (
                <option key={each} value={each}>
                  {roleLabels[each]}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Field label="Valid for" error={form.errors["expiresInDays"]}>
          {(control) => (
            <Select
              {...control}
              value={String(body.expiresInDays)}
              onChange={(event) =>
                setBody({
                  ...body,
                  expiresInDays:
                    LIFETIMES.find(({ days }) => String(days) === event.target.value)?.days ?? null,
                })
              }
            >
              {LIFETIMES.map(({ days, label }) => (
                <option key={label} value={String(days)}>
                  {label}
                </option>
              ))}
            </Select>
          )}
        </Field>
      </form>
    </Dialog>
  );
}

function RevokeDialog({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const queryClient = useQueryClient();
  const revoke = useMutation({
    mutationFn: () => revokeKey(apiKey.id),
    onSuccess: () => toast("good", `${apiKey.name} is revoked`),
    onError: (error) => toast("missed", sentenceOf(error)),
    onSettled: () => {
      void queryClient.invalidateQueries(keysQuery);
      onClose();
    },
  });
  return (
    <ConfirmDialog
      title={`Revoke ${apiKey.name}?`}
      confirm="Revoke it"
      isBusy={revoke.isPending}
      onConfirm={() => revoke.mutate()}
      onClose={onClose}
    >
      Programs that use it are refused from now on.
    </ConfirmDialog>
  );
}
