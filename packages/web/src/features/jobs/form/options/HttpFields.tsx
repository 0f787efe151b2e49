import type { HttpAssertion } from "@nightbell/contract";
import { IconButton } from "../../../../ui/Button.js";
import { FieldError, Select, TextInput } from "../../../../ui/Field.js";
import type { AssertionDraft } from "../draft.js";
import type { JobForm } from "../useJobForm.js";
import { errorUnder } from "../validate.js";
import { Headers } from "./Headers.js";
import { OptionCheck, OptionNumber, OptionSelect, OptionText } from "./OptionFields.js";
import { OptionRows } from "./OptionRows.js";

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].map(
  (name) => [name, name] as const,
);
const versions = [
  ["auto", "Automatic (ALPN)"],
  ["1.1", "HTTP/1.1"],
  ["2", "HTTP/2"],
] as const;

export function HttpFields({ form }: { form: JobForm }) {
  const method = form.draft.options.http["method"];
  return (
    <>
      <div className="grid gap-5 sm:grid-cols-3">
        <OptionSelect form={form} name="method" label="Method" options={methods} />
        <OptionSelect form={form} name="version" label="HTTP version" options={versions} />
        <OptionText
          form={form}
          name="expectedStatuses"
          label="Accepted statuses"
          placeholder="200–299"
          hint="Such as 200, 301. Empty accepts 200–299."
        />
      </div>
      <Assertions form={form} />
      <Headers form={form} />
      {method !== "GET" && method !== "HEAD" && (
        <OptionText form={form} name="body" label="Request body" isLong />
      )}
      <div className="grid gap-5 sm:grid-cols-3">
        <OptionNumber form={form} name="maxRedirects" label="Redirects to follow" unit="" />
        <OptionNumber form={form} name="maxBodyBytes" label="Largest body" unit="bytes" />
      </div>
      <OptionCheck
        form={form}
        name="verifyTls"
        label="Check the certificate"
        hint="Off accepts any certificate, such as a self-signed one."
      />
    </>
  );
}

const kinds: Record<HttpAssertion["kind"], string> = {
  body: "Body contains",
  bodyNot: "Body does not contain",
  header: "Header contains",
  json: "JSON value equals",
};

function Assertions({ form }: { form: JobForm }) {
  const assertions = form.draft.options.http["assertions"] as AssertionDraft[];
  const set = (next: AssertionDraft[]) => form.set("options.http.assertions", next);
  const change = (index: number, part: Partial<AssertionDraft>) =>
    set(assertions.map((one, at) => (at === index ? { ...one, ...part } : one)));
  return (
    <OptionRows
      title="Assertions"
      explain="Checked on every answer; one that fails counts as missed."
      add="Add an assertion"
      onAdd={() => set([...assertions, { kind: "body", subject: "", expected: "" }])}
      error={form.errors["options.assertions"]}
    >
      {assertions.map((assertion, index) => {
        const path = `options.assertions.${index}`;
        const error = errorUnder(form.errors, path);
        const takesSubject = assertion.kind === "header" || assertion.kind === "json";
        return (
          <li key={index}>
            <div className="flex flex-wrap gap-2">
              <Select
                aria-label={`Assertion ${index + 1}`}
                value={assertion.kind}
                onChange={(event) => change(index, { kind: event.target.value as HttpAssertion["kind"] })}
                className="w-full sm:w-48"
              >
                {Object.entries(kinds).map(([kind, label]) => (
                  <option key={kind} value={kind}>
                    {label}
                  </option>
                ))}
              </Select>
              {takesSubject && (
                <TextInput
                  aria-label={assertion.kind === "header" ? "Header" : "Path in the JSON"}
                  placeholder={assertion.kind === "header" ? "content-type" : "checks.0.status"}
                  aria-invalid={error !== undefined || undefined}
                  value={assertion.subject}
                  onChange={(event) => change(index, { subject: event.target.value })}
                  onBlur={() => form.leave(path)}
                  className="code w-auto! min-w-0 flex-1"
                />
              )}
              <TextInput
                aria-label="Expected"
                placeholder={assertion.kind === "json" ? "ok" : "text"}
                aria-invalid={error !== undefined || undefined}
                value={assertion.expected}
                onChange={(event) => change(index, { expected: event.target.value })}
                onBlur={() => form.leave(path)}
                className="code w-auto! min-w-0 flex-1"
              />
              <IconButton
                icon="trash"
                label={`Remove assertion ${index + 1}`}
                onClick={() => set(assertions.filter((_, at) => at !== index))}
              />
            </div>
            {error !== undefined && <FieldError message={error} />}
          </li>
        );
      })}
    </OptionRows>
  );
}
