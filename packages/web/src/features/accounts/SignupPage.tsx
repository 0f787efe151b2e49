import { RegisterBody } from "@nightbell/contract";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { sentenceOf } from "../../api/errors.js";
import { safeReturnPath } from "../../api/urls.js";
import { usePageTitle } from "../../app/title.js";
import { Button, buttonClass } from "../../ui/Button.js";
import { Field, TextInput } from "../../ui/Field.js";
import { Notice } from "../../ui/states.js";
import { AccountFrame } from "./AccountFrame.js";
import { setupQuery, signUp } from "./queries.js";
import { useFormErrors } from "./useFormErrors.js";

const route = getRouteApi("/signup");

export function SignupPage() {
  usePageTitle("Sign up");
  const search = route.useSearch();
  const setup = useQuery(setupQuery);
  const isFirst = setup.data?.needsFirstAccount === true;
  if (setup.data?.registrationOpen === false && !isFirst) {
    return (
      <AccountFrame
        title="Registration is closed"
        lead="This Nightbell takes new accounts by invitation only. Ask its owner, or have them set OPEN_REGISTRATION=true."
      >
        <Link to="/login" search={search} className={buttonClass("primary")}>
          Log in instead
        </Link>
      </AccountFrame>
    );
  }
  return (
    <AccountFrame
      title={isFirst ? "Set up Nightbell" : "Create your account"}
      lead={
        isFirst
          ? "This is the first account: it becomes the owner. It takes a minute from here to a live chart."
          : "You get a workspace of your own and can measure your first target at once."
      }
    >
      <SignupForm />
      {!isFirst && (
        <p className="mt-8 text-sm text-soft">
          Already here?{" "}
          <Link to="/login" search={search} className="font-medium text-brass underline underline-offset-3">
            Log in
          </Link>
        </p>
      )}
    </AccountFrame>
  );
}

function SignupForm() {
  const search = route.useSearch();
  const router = useRouter();
  const queryClient = useQueryClient();
  const [body, setBody] = useState({ name: "", email: "", password: "" });
  const form = useFormErrors(RegisterBody);
  const signup = useMutation({
    mutationFn: signUp,
    onSuccess: () => {
      queryClient.clear();
      router.history.push(safeReturnPath(search.next));
    },
    onError: form.take,
  });
  const change = (field: keyof typeof body) => (event: React.ChangeEvent<HTMLInputElement>) => {
    setBody({ ...body, [field]: event.target.value });
    form.clear(field);
  };
  return (
    <form
      noValidate
      className="grid gap-5"
      onSubmit={(event) => {
        event.preventDefault();
        if (form.check(body)) signup.mutate(body);
      }}
    >
      {signup.error !== null && Object.keys(form.errors).length === 0 && (
        <Notice title="The account was not made">{sentenceOf(signup.error)}</Notice>
      )}
      <Field label="Your name" error={form.errors["name"]}>
        {(control) => (
          <TextInput {...control} autoComplete="name" autoFocus value={body.name} onChange={change("name")} />
        )}
      </Field>
      <Field label="Email address" error={form.errors["email"]}>
        {(control) => (
          <TextInput
            {...control}
            type="email"
            autoComplete="username"
            value={body.email}
            onChange={change("email")}
          />
        )}
      </Field>
      <Field
        label="Password"
        hint="At least 10 characters. A sentence works well."
        error={form.errors["password"]}
      >
        {(control) => (
          <TextInput
            {...control}
            type="password"
            autoComplete="new-password"
            value={body.password}
            onChange={change("password")}
          />
        )}
      </Field>
      <Button type="submit" look="primary" isBusy={signup.isPending} className="mt-1 h-10">
        Create account
      </Button>
    </form>
  );
}
