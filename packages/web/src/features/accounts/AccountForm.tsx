import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useRouter } from "@tanstack/react-router";
import { useState, type HTMLInputTypeAttribute, type ReactNode } from "react";
import { sentenceOf } from "../../api/errors.js";
import { safeReturnPath } from "../../api/urls.js";
import type { LoginSearch } from "./loginSearch.js";
import { Button } from "../../ui/Button.js";
import { Field, TextInput } from "../../ui/Field.js";
import { Notice } from "../../ui/states.js";
import { useFormErrors, type FormSchema } from "./useFormErrors.js";

interface AccountField<Name extends string> {
  name: Name;
  label: string;
  type?: HTMLInputTypeAttribute;
  autoComplete: string;
  hint?: string;
}

export const emailField = {
  name: "email",
  label: "Email address",
  type: "email",
  autoComplete: "username",
} as const;

/** Logs a person in, to an old account or a new one, and leads them to where they wanted to be. */
export function AccountForm<Name extends string>({
  schema,
  fields,
  submit,
  action,
  refusal,
  notice,
  search,
}: {
  schema: FormSchema;
  fields: readonly AccountField<Name>[];
  submit: (body: Record<Name, string>) => Promise<unknown>;
  /** What the button says. */
  action: string;
  /** The title over what the server refused. */
  refusal: (error: unknown) => string;
  /** Above the fields until something is refused. */
  notice?: ReactNode;
  search: LoginSearch;
}) {
  const router = useRouter();
  const queryClient = useQueryClient();
  const [body, setBody] = useState(
    () => Object.fromEntries(fields.map(({ name }) => [name, ""])) as Record<Name, string>,
  );
  const form = useFormErrors(schema);
  const sending = useMutation({
    mutationFn: submit,
    onSuccess: () => {
      queryClient.clear();
      router.history.push(safeReturnPath(search.next));
    },
    onError: form.take,
  });
  return (
    <form
      noValidate
      className="grid gap-5"
      onSubmit={(event) => {
        event.preventDefault();
        if (form.check(body)) sending.mutate(body);
      }}
    >
      {sending.error === null && notice}
      {sending.error !== null && Object.keys(form.errors).length === 0 && (
        <Notice title={refusal(sending.error)}>{sentenceOf(sending.error)}</Notice>
      )}
      {fields.map(({ name, label, hint, ...input }, index) => (
        <Field key={name} label={label} hint={hint} error={form.errors[name]}>
          {(control) => (
            <TextInput
              {...control}
              {...input}
              autoFocus={index === 0}
              value={body[name]}
              onChange={(event) => {
                setBody({ ...body, [name]: event.target.value });
                form.clear(name);
              }}
            />
          )}
        </Field>
      ))}
      <Button type="submit" look="primary" isBusy={sending.isPending} className="mt-1 h-10">
        {action}
      </Button>
    </form>
  );
}

/** From the log-in to the sign-up and back, with the way to go on afterwards. */
export function OtherWay({
  question,
  to,
  search,
  children,
}: {
  question: string;
  to: "/login" | "/signup";
  search: LoginSearch;
  children: string;
}) {
  return (
    <p className="mt-8 text-sm text-soft">
      {question}{" "}
      <Link to={to} search={search} className="font-medium text-brass underline underline-offset-3">
        {children}
      </Link>
    </p>
  );
}
