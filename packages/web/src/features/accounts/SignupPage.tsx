import { RegisterBody } from "@nightbell/contract";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { usePageTitle } from "../../app/title.js";
import { buttonClass } from "../../ui/Button.js";
import { AccountForm, emailField, OtherWay } from "./AccountForm.js";
import { AccountFrame } from "./AccountFrame.js";
import { setupQuery, signUp } from "./queries.js";

const route = getRouteApi("/signup");

const fields = [
  { name: "name", label: "Your name", autoComplete: "name" },
  emailField,
  {
    name: "password",
    label: "Password",
    type: "password",
    autoComplete: "new-password",
    hint: "At least 10 characters. A sentence works well.",
  },
] as const;

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
      <AccountForm
        schema={RegisterBody}
        fields={fields}
        submit={signUp}
        action="Create account"
        refusal={() => "The account was not made"}
        search={search}
      />
      {!isFirst && (
        <OtherWay question="Already here?" to="/login" search={search}>
          Log in
        </OtherWay>
      )}
    </AccountFrame>
  );
}
