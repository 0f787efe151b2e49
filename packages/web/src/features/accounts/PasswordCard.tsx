// A new password for whoever knows the old one.
import { PasswordChange } from "@nightbell/contract";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { sentenceOf } from "../../api/errors.js";
import { Button } from "../../ui/Button.js";
import { Card } from "../../ui/Card.js";
import { Field, TextInput } from "../../ui/Field.js";
import { Notice } from "../../ui/states.js";
import { toast } from "../../ui/toasts.js";
import { changePassword, sessionsQuery } from "./queries.js";
import { useFormErrors } from "./useFormErrors.js";

const EMPTY = { currentPassword: "", newPassword: "" };
const FIELDS = [
  { name: "currentPassword", label: "Current password", autoComplete: "current-password" },
  { name: "newPassword", label: "New password", autoComplete: "new-password" },
] as const;

export function PasswordCard() {
  const queryClient = useQueryClient();
  const [body, setBody] = useState(EMPTY);
  const form = useFormErrors(PasswordChange);
  const save = useMutation({
    mutationFn: changePassword,
    onSuccess: () => {
      setBody(EMPTY);
      toast("good", "Password changed; your other sessions have ended");
      void queryClient.invalidateQueries(sessionsQuery);
    },
    onError: form.take,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (form.check(body)) save.mutate(body);
  };
  return (
    <Card title="Password">
      <form noValidate className="grid gap-5 p-4 sm:p-5" onSubmit={submit}>
        {save.error !== null && Object.keys(form.errors).length === 0 && (
          <Notice title="The password was not changed">{sentenceOf(save.error)}</Notice>
        )}
        <div className="grid gap-5 sm:grid-cols-2">
          {FIELDS.map(({ name, label, autoComplete }) => (
            <Field
              key={name}
              label={label}
              error={form.errors[name]}
              {...(name === "newPassword" && { hint: "At least 10 characters. Your other sessions end." })}
            >
              {(control) => (
                <TextInput
                  {...control}
                  type="password"
                  autoComplete={autoComplete}
                  value={body[name]}
                  onChange={(event) => {
                    setBody({ ...body, [name]: event.target.value });
                    form.clear(name);
                  }}
                />
              )}
            </Field>
          ))}
        </div>
        <div>
          <Button type="submit" isBusy={save.isPending}>
            Change password
          </Button>
        </div>
      </form>
    </Card>
  );
}
