import { LoginBody } from "@nightbell/contract";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { ApiError, sentenceOf } from "../../api/errors.js";
import { safeReturnPath } from "../../api/urls.js";
import { usePageTitle } from "../../app/title.js";
import { Button } from "../../ui/Button.js";
import { Field, TextInput } from "../../ui/Field.js";
import { Notice } from "../../ui/states.js";
import { AccountFrame } from "./AccountFrame.js";
import { logIn, setupQuery } from "./queries.js";
import { useFormErrors } from "./useFormErrors.js";

const route = getRouteApi("/login");

export function LoginPage() {
  usePageTitle("Log in");
  const search = route.useSearch();
  const router = useRouter();
  const queryClient = useQueryClient();
  const setup = useQuery(setupQuery);
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const form = useFormErrors(LoginBody);
  const login = useMutation({
    mutationFn: logIn,
    onSuccess: () => {
      queryClient.clear();
      router.history.push(safeReturnPath(search.next));
    },
    onError: form.take,
  });
  return (
    <AccountFrame title="Welcome back" lead="Log in to see how your targets are doing.">
      <form
        noValidate
        className="grid gap-5"
        onSubmit={(event) => {
          event.preventDefault();
          if (form.check({ email, password })) login.mutate({ email, password });
        }}
      >
        {search.reason === "ended" && login.error === null && (
          <Notice tone="plain" title="Your session ended">
            Log in again and you continue where you were.
          </Notice>
        )}
        {login.error !== null && Object.keys(form.errors).length === 0 && (
          <Notice title={titleOf(login.error)}>{sentenceOf(login.error)}</Notice>
        )}
        <Field label="Email address" error={form.errors["email"]}>
          {(control) => (
            <TextInput
              {...control}
              type="email"
              autoComplete="username"
              autoFocus
              value={email}
              onChange={(event) => {
                setEmail(event.target.value);
                form.clear("email");
              }}
            />
          )}
        </Field>
        <Field label="Password" error={form.errors["password"]}>
          {(control) => (
            <TextInput
              {...control}
              type="password"
              autoComplete="current-password"
              value={password}
              onChange={(event) => {
                setPassword(event.target.value);
                form.clear("password");
              }}
            />
          )}
        </Field>
        <Button type="submit" look="primary" isBusy={login.isPending} className="mt-1 h-10">
          Log in
        </Button>
      </form>
      {setup.data?.registrationOpen === true && (
        <p className="mt-8 text-sm text-soft">
          No account yet?{" "}
          <Link to="/signup" search={search} className="font-medium text-brass underline underline-offset-3">
            Sign up
          </Link>
        </p>
      )}
    </AccountFrame>
  );
}

function titleOf(error: unknown): string {
  return error instanceof ApiError && error.kind !== "problem" ? "No answer" : "You are not logged in";
}
