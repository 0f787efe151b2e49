import { IconButton } from "../../../../ui/Button.js";
import { FieldError, TextInput } from "../../../../ui/Field.js";
import type { HeaderDraft } from "../draft.js";
import type { JobForm } from "../useJobForm.js";
import { errorUnder } from "../validate.js";
import { OptionRows } from "./OptionRows.js";

/** The request headers of a type that has them. */
export function Headers({ form }: { form: JobForm }) {
  const headers = form.draft.options[form.draft.type]["headers"] as HeaderDraft[];
  const set = (next: HeaderDraft[]) => form.set(`options.${form.draft.type}.headers`, next);
  const change = (index: number, part: Partial<HeaderDraft>) =>
    set(headers.map((one, at) => (at === index ? { ...one, ...part } : one)));
  return (
    <OptionRows
      title="Request headers"
      explain="Sent with every request. Only who may edit jobs can read the values."
      add="Add a header"
      onAdd={() => set([...headers, { name: "", value: "" }])}
      error={form.errors["options.headers"]}
    >
      {headers.map((header, index) => {
        const error = errorUnder(form.errors, `options.headers.${header.name}`);
        return (
          <li key={index}>
            <div className="flex flex-wrap gap-2">
              <TextInput
                aria-label={`Name of header ${index + 1}`}
                placeholder="authorization"
                aria-invalid={error !== undefined || undefined}
                autoComplete="off"
                spellCheck={false}
                value={header.name}
                onChange={(event) => change(index, { name: event.target.value })}
                onBlur={() => form.leave("options.headers")}
                className="code w-full! sm:w-48!"
              />
              <TextInput
                aria-label={`Value of header ${index + 1}`}
                placeholder="value"
                autoComplete="off"
                spellCheck={false}
                value={header.value}
                onChange={(event) => change(index, { value: event.target.value })}
                onBlur={() => form.leave("options.headers")}
                className="code w-auto! min-w-0 flex-1"
              />
              <IconButton
                icon="trash"
                label={`Remove header ${index + 1}`}
                onClick={() => set(headers.filter((_, at) => at !== index))}
              />
            </div>
            {error !== undefined && <FieldError message={error} />}
          </li>
        );
      })}
    </OptionRows>
  );
}
