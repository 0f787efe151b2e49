// Makes a token, and shows it this once, in the command that uses it.
import { type NewPollerToken, PollerTokenCreate } from "@nightbell/contract";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useId, useState } from "react";
import { sentenceOf } from "../../../api/errors.js";
import { Button } from "../../../ui/Button.js";
import { Command } from "../../../ui/Command.js";
import { Dialog } from "../../../ui/Dialog.js";
import { Field, TextInput } from "../../../ui/Field.js";
import { Notice } from "../../../ui/states.js";
import { useFormErrors } from "../../accounts/useFormErrors.js";
import { createPollerToken, pollerTokensQuery } from "../queries.js";
import { addressFor } from "./address.js";

export function NewTokenDialog({
  locations,
  onClose,
}: {
  /** Those that have a token already. */
  locations: readonly string[];
  onClose: () => void;
}) {
  const [made, setMade] = useState<NewPollerToken | null>(null);
  return made === null ? (
    <Form locations={locations} onMade={setMade} onClose={onClose} />
  ) : (
    <Made token={made} onClose={onClose} />
  );
}

function Form({
  locations,
  onMade,
  onClose,
}: {
  locations: readonly string[];
  onMade: (token: NewPollerToken) => void;
  onClose: () => void;
}) {
  const queryClient = useQueryClient();
  const formId = useId();
  const [body, setBody] = useState<PollerTokenCreate>({ name: "", location: "" });
  const form = useFormErrors(PollerTokenCreate);
  const make = useMutation({
    mutationFn: createPollerToken,
    onSuccess: (token) => {
      void queryClient.invalidateQueries(pollerTokensQuery);
      onMade(token);
    },
    onError: form.take,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (form.check(body)) make.mutate(body);
  };
  const change = (field: keyof PollerTokenCreate) => (text: string) => {
    setBody({ ...body, [field]: text });
    form.clear(field);
  };
  return (
    <Dialog
      title="New token for remote pollers"
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
        <Field label="Name" hint="Such as the machine it is for" error={form.errors["name"]}>
          {(control) => (
            <TextInput
              {...control}
              data-autofocus
              autoComplete="off"
              value={body.name}
              onChange={(event) => change("name")(event.target.value)}
            />
          )}
        </Field>
        <Field
          label="Location"
          hint="Where it measures from; jobs that name this location are measured there. Several pollers of one location share its jobs."
          error={form.errors["location"]}
        >
          {(control) => (
            <TextInput
              {...control}
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              placeholder="branch-office"
              list={`${formId}-locations`}
              value={body.location}
              onChange={(event) => change("location")(event.target.value)}
            />
          )}
        </Field>
        <datalist id={`${formId}-locations`}>
          {locations.map((location) => (
            <option key={location} value={location} />
          ))}
        </datalist>
      </form>
    </Dialog>
  );
}

function Made({ token: { token, location }, onClose }: { token: NewPollerToken; onClose: () => void }) {
  const { address, isLoopback, isReadable } = addressFor(window.location);
  return (
    <Dialog
      title={`Start a poller at ${location}`}
      width="max-w-xl"
      onClose={onClose}
      actions={
        <Button look="primary" data-autofocus onClick={onClose}>
          Done
        </Button>
      }
    >
      <div className="grid gap-4 pt-2">
        <Notice tone="warn" title="Copy it now: the token is not shown again">
          Whoever has it can see the jobs of {location} and report samples for them. If it is lost, make a new
          one.
        </Notice>
        <p className="text-sm">
          The machine needs Node 20.19 or newer. Clone the repository of Nightbell there and run{" "}
          <span className="code">npm ci</span> in it. Then, in the same folder:
        </p>
        <Command
          label="Start the poller"
          text={`NIGHTBELL_POLLER_TOKEN=${token} node packages/server/bin/nightbell.mjs poller --url ${address}`}
        />
        <p className="text-sm text-soft">The first start builds what is missing.</p>
        {isLoopback && (
          <Notice tone="warn" title="Put in the address of this server">
            This page came from a loopback address, which on the other machine means that machine itself. In
            place of <span className="code">{address}</span>, give the https address at which it reaches this
            server.
          </Notice>
        )}
        {isReadable && (
          <Notice tone="warn" title="This page came without TLS">
            Pollers accept https only, so that nobody on the way can read the token. Put a TLS proxy in front
            of Nightbell, and give its address as --url.
          </Notice>
        )}
        <p className="text-sm">
          Then add <span className="code">{location}</span> to the locations of the jobs it shall measure.
        </p>
      </div>
    </Dialog>
  );
}
