import { LoginBody } from "@nightbell/contract";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { ApiError } from "../../api/errors.js";
import { usePageTitle } from "../../app/title.js";
import { Notice } from "../../ui/states.js";
import { AccountForm, emailField, OtherWay } from "./AccountForm.js";
import { AccountFrame } from "./AccountFrame.js";
import { logIn, setupQuery } from "./queries.js";

const route = getRouteApi("/login");

const fields = [
  emailField,
  { name: "password", label: "Password", type: "password", autoComplete: "current-password" },
] as const;

export function LoginPage() {
  usePageTitle("Log in");
  const search = route.useSearch();
  const setup = useQuery(setupQuery);
  return (
    <AccountFrame title="Welcome back" lead="Log in to see how your targets are doing.">
      <AccountForm
        schema={LoginBody}
        fields={fields}
        submit={logIn}
        action="Log in"
        refusal={(error) =>
          error instanceof ApiError && error.kind !== "problem" ? "No answer" : "You are not logged in"
        }
        notice={
          search.reason === "ended" && (
            <Notice tone="plain" title="Your session ended">
              Log in again and you continue where you were.
            </Notice>
          )
        }
        search={search}
      />
      {setup.data?.registrationOpen === true && (
        <OtherWay question="No account yet?" to="/signup" search={search}>
          Sign up
        </OtherWay>
      )}
    </AccountFrame>
  );
}
