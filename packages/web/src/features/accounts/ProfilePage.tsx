import { ProfilePatch, type Profile } from "@nightbell/contract";
import { useMutation, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { useState } from "react";
import { sentenceOf } from "../../api/errors.js";
import { setTheme, useTheme, type Theme } from "../../app/theme.js";
import { usePageTitle } from "../../app/title.js";
import { formatInstant } from "../../format/times.js";
import { Button } from "../../ui/Button.js";
import { Card } from "../../ui/Card.js";
import { Checkbox, Field, TextInput } from "../../ui/Field.js";
import { Icon } from "../../ui/Icon.js";
import { PageHeader } from "../../ui/PageHeader.js";
import { Segmented } from "../../ui/Segmented.js";
import { Notice } from "../../ui/states.js";
import { toast } from "../../ui/toasts.js";
import { KeysCard } from "./KeysCard.js";
import { PasswordCard } from "./PasswordCard.js";
import { profileQuery, saveProfile } from "./queries.js";
import { roleLabels } from "./roles.js";
import { SessionsCard } from "./SessionsCard.js";
import { useFormErrors } from "./useFormErrors.js";
import { useLogOut } from "./useLogOut.js";

const themes: { value: Theme; label: string }[] = [
  { value: "system", label: "System" },
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
];

export function ProfilePage() {
  usePageTitle("Profile");
  const { data: profile } = useSuspenseQuery(profileQuery);
  const theme = useTheme();
  const logOut = useLogOut();
  return (
    <div className="mx-auto max-w-3xl px-4 pb-16 sm:px-8">
      <PageHeader title="Profile">
        <Button icon="logOut" isBusy={logOut.isPending} onClick={() => logOut.mutate()}>
          Log out
        </Button>
      </PageHeader>
      <div className="grid gap-5">
        <ProfileForm key={profile.id} profile={profile} />
        <Card title="Appearance">
          <div className="flex flex-wrap items-center justify-between gap-4 px-4 py-4 sm:px-5">
            <p className="text-soft">“System” follows your device, day and night.</p>
            <Segmented label="Theme" options={themes} value={theme} onChange={setTheme} />
          </div>
        </Card>
        <Card title="Account">
          <dl className="grid gap-x-8 gap-y-4 px-4 py-4 text-md sm:grid-cols-2 sm:px-5">
            <Fact term="Email address">{profile.email}</Fact>
            <Fact term="Workspace">{profile.organisation.name}</Fact>
            <Fact term="Role">{roleLabels[profile.organisation.role]}</Fact>
            <Fact term="Member since">{formatInstant(profile.createdAt, profile.timeZone)}</Fact>
          </dl>
        </Card>
        <PasswordCard />
        <KeysCard role={profile.organisation.role} timeZone={profile.timeZone} />
        <SessionsCard timeZone={profile.timeZone} />
      </div>
    </div>
  );
}

function Fact({ term, children }: { term: string; children: string }) {
  return (
    <div className="min-w-0">
      <dt className="eyebrow">{term}</dt>
      <dd className="mt-0.5 truncate" title={children}>
        {children}
      </dd>
    </div>
  );
}

function ProfileForm({ profile }: { profile: Profile }) {
  const queryClient = useQueryClient();
  const [name, setName] = useState(profile.name);
  const [timeZone, setTimeZone] = useState(profile.timeZone);
  const [skills, setSkills] = useState(profile.skills);
  const [completionEmails, setCompletionEmails] = useState(profile.completionEmails);
  const form = useFormErrors(ProfilePatch);
  const save = useMutation({
    mutationFn: saveProfile,
    onSuccess: (saved) => {
      queryClient.setQueryData(profileQuery.queryKey, saved);
      toast("good", "Profile saved");
    },
    onError: form.take,
  });
  return (
    <Card title="You">
      <form
        noValidate
        className="grid gap-5 p-4 sm:p-5"
        onSubmit={(event) => {
          event.preventDefault();
          const body = { name, timeZone, skills, completionEmails };
          if (form.check(body)) save.mutate(body);
        }}
      >
        {save.error !== null && Object.keys(form.errors).length === 0 && (
          <Notice title="The profile was not saved">{sentenceOf(save.error)}</Notice>
        )}
        <div className="grid gap-5 sm:grid-cols-2">
          <Field label="Name" error={form.errors["name"]}>
            {(control) => (
              <TextInput
                {...control}
                autoComplete="name"
                value={name}
                onChange={(event) => {
                  setName(event.target.value);
                  form.clear("name");
                }}
              />
            )}
          </Field>
          <Field
            label="Time zone"
            hint="All times in the app are shown in it."
            error={form.errors["timeZone"]}
          >
            {(control) => (
              <>
                <TextInput
                  {...control}
                  list="time-zones"
                  autoComplete="off"
                  value={timeZone}
                  onChange={(event) => {
                    setTimeZone(event.target.value);
                    form.clear("timeZone");
                  }}
                />
                <datalist id="time-zones">
                  {Intl.supportedValuesOf("timeZone").map((zone) => (
                    <option key={zone} value={zone} />
                  ))}
                </datalist>
              </>
            )}
          </Field>
        </div>
        <SkillsField skills={skills} onChange={setSkills} error={form.errors["skills"]} />
        <Checkbox
          label="Email me when a job I started completes"
          hint="With what it came to. A job without a duration never completes."
          checked={completionEmails}
          onChange={(event) => setCompletionEmails(event.target.checked)}
        />
        <div>
          <Button type="submit" look="primary" isBusy={save.isPending}>
            Save profile
          </Button>
        </div>
      </form>
    </Card>
  );
}

function SkillsField({
  skills,
  onChange,
  error,
}: {
  skills: string[];
  onChange: (skills: string[]) => void;
  error: string | undefined;
}) {
  const [draft, setDraft] = useState("");
  const add = () => {
    const skill = draft.trim();
    if (skill !== "" && !skills.includes(skill)) onChange([...skills, skill]);
    setDraft("");
  };
  return (
    <Field
      label="Skills"
      hint="What you know best, such as “postgres” or “network”. Pages are routed by it. Enter adds one."
      error={error}
    >
      {(control) => (
        <div className="grid gap-2">
          <TextInput
            {...control}
            value={draft}
            maxLength={50}
            onChange={(event) => setDraft(event.target.value)}
            onBlur={add}
            onKeyDown={(event) => {
              if (event.key !== "Enter" || draft.trim() === "") return;
              event.preventDefault();
              add();
            }}
          />
          {skills.length > 0 && (
            <ul className="flex flex-wrap gap-1.5">
              {skills.map((skill) => (
                <li key={skill}>
                  <button
                    type="button"
                    aria-label={`Remove ${skill}`}
                    onClick={() => onChange(skills.filter((other) => other !== skill))}
                    className="flex h-7 items-center gap-1.5 rounded-md border border-line bg-sunken pr-1.5 pl-2.5 text-sm hover:border-edge"
                  >
                    {skill} <Icon name="cross" size={12} className="text-faint" />
                  </button>
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
    </Field>
  );
}
